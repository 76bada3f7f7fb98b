package emulator

import (
	"maps"
	"regexp"
)

// The emulator keeps the tags of functions. Event source mappings have none.

// tagged returns the function of a call that names it by its ARN.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_ListTags.html
func (s *Server) tagged(c *call) (*function, error) {
	const pattern = `arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)`
	if err := matching(&c.resource, "resource", pattern); err != nil {
		return nil, err
	}
	if !regexp.MustCompile(`^([^:]*:){5}function:`).MatchString(c.resource) {
		return nil, notImplemented("tagging " + c.resource)
	}
	t, err := s.parseTarget(c.resource)
	if err == nil && t.qualifier != "" {
		err = invalidParameter("Tags on function aliases and versions are not supported. Please specify a function ARN.")
	}
	f, _, err := s.lookup(t, err)
	return f, err
}

func (s *Server) listTags(c *call) (any, error) {
	f, err := s.tagged(c)
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	maps.Copy(tags, f.tags)
	return map[string]any{"Tags": tags}, nil
}

type tagRequest struct{ Tags map[string]string }

// tagResource adds tags to a function. It makes a new revision, as recorded from
// AWS.
func (s *Server) tagResource(c *call, r *tagRequest) (any, error) {
	f, err := s.tagged(c)
	if err != nil {
		return nil, err
	}
	if len(r.Tags) == 0 {
		return nil, invalidParameter("An error occurred and the request cannot be processed.")
	}
	tags := maps.Clone(f.tags)
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, r.Tags)
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	f.tags = tags
	f.reported.revise()
	return nil, nil
}

// checkTags refuses more tags than a function can have.
func checkTags(tags map[string]string) error {
	if len(tags) > 50 {
		return invalidParameter("Number of tags exceeds resource tag limit.")
	}
	return nil
}

func (s *Server) untagResource(c *call) (any, error) {
	f, err := s.tagged(c)
	if err != nil {
		return nil, err
	}
	keys := c.URL.Query()["tagKeys"]
	if len(keys) == 0 {
		return nil, invalid(nil, "tagKeys", "Member must not be null")
	}
	f.tags = maps.Clone(f.tags)
	for _, key := range keys {
		delete(f.tags, key)
	}
	f.reported.revise()
	return nil, nil
}

// getFunctionUrlConfig reports that a function has no URL: there are none here.
func (s *Server) getFunctionUrlConfig(c *call) (any, error) {
	if _, err := s.target(c); err != nil {
		return nil, err
	}
	return nil, notFound("The resource you requested does not exist.")
}
