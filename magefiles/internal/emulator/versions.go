package emulator

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Versions and aliases behave as AWS's reference says. Where that is silent,
// answers and errors are those that the tests of LocalStack recorded from AWS;
// what is not there either is an assumption.
//
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
// https://github.com/localstack/localstack/blob/main/tests/aws/services/lambda_/test_lambda_api.snapshot.json

// publication is a version that was published. The server's mutex guards it.
type publication struct {
	number   int
	reported configuration // what the API says of it
	source   configuration // frozen, of $LATEST when it was published
	serving  *version      // what invocations get, nil unless it is Active
}

// frozen is the part of a configuration that a version freezes: not what names
// and dates it, and not the states.
func (c configuration) frozen() configuration {
	c = c.listed()
	c.FunctionArn, c.Version, c.LastModified, c.RevisionId = "", "", "", ""
	return c
}

// version is what a qualifier names, by number or alias; nil is $LATEST.
func (f *function) version(qualifier string) (p *publication, ok bool) {
	if a, ok := f.aliases[qualifier]; ok {
		qualifier = a.FunctionVersion
	}
	if qualifier == "" || qualifier == latest {
		return nil, true
	}
	i := slices.IndexFunc(f.versions, func(p *publication) bool { return p.reported.Version == qualifier })
	if i < 0 {
		return nil, false
	}
	return f.versions[i], true
}

// serve picks what the next invocation by a qualifier that f has is for. The
// server's mutex must be held, and what is over of the window swept away.
func (f *function) serve(qualifier string) (*version, error) {
	if a, ok := f.aliases[qualifier]; ok {
		qualifier = a.pick()
	}
	if p, _ := f.version(qualifier); p != nil {
		return p.serving, p.invokable()
	}
	v := f.pick()
	return v, v.invokable()
}

// invokable says why a version that was published could not be invoked.
func (p *publication) invokable() error {
	if p.serving == nil {
		return notActive(p.reported.State)
	}
	return p.serving.invokable()
}

// publishVersion makes a version of $LATEST.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
func (s *Server) publishVersion(c *call) (reply, error) {
	var request struct {
		FunctionName                        *string // in the path; some clients repeat it
		CodeSha256, Description, RevisionId *string
	}
	if err := decode(c.body, &request); err != nil {
		return reply{}, err
	}
	if err := (settings{Description: request.Description}).apply(&configuration{}); err != nil {
		return reply{}, err
	}
	t, err := s.latestTarget(c)
	if err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.updatable(t, request.RevisionId)
	if err != nil {
		return reply{}, err
	}
	if given, sum := request.CodeSha256, f.reported.CodeSha256; given != nil && *given != sum {
		return reply{}, invalidParameter("CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). Please try again with the CodeSHA256 in $LATEST.", *given, sum)
	}
	return jsonReply(http.StatusCreated, s.publish(f, request.Description).reported)
}

// publish makes a version of what $LATEST is reported to be, or finds the last
// one if nothing has changed since. Without a description it has $LATEST's.
// While an update, or the creation, is bringing in what it is of, the version is
// Pending. The server's mutex must be held.
//
// Assumptions: an update to what was there before is no change; numbers are not
// used again, but begin anew when the function is deleted; the version's
// LastModified is that of $LATEST.
func (s *Server) publish(f *function, description *string) *publication {
	source := f.reported.frozen()
	if n := len(f.versions); n > 0 {
		last := f.versions[n-1]
		if last.reported.State != "Failed" && reflect.DeepEqual(last.source, source) {
			return last
		}
	}
	f.published++
	p := &publication{number: f.published, reported: f.reported.listed(), source: source}
	p.reported.Version = strconv.Itoa(p.number)
	p.reported.FunctionArn = s.arn(target{f.reported.FunctionName, p.reported.Version})
	if description != nil {
		p.reported.Description = *description
	}
	if f.next == nil {
		s.activate(p, f.serving.code)
	} else {
		p.reported.State, p.reported.StateReason, p.reported.StateReasonCode = "Pending", "The function is being created.", "Creating"
		p.reported.revise()
	}
	f.versions = append(f.versions, p)
	f.reported.revise()
	return p
}

// activate has a version serve.
func (s *Server) activate(p *publication, code *codePackage) {
	p.reported.State, p.reported.StateReason, p.reported.StateReasonCode = "Active", "", ""
	p.reported.LastUpdateStatus = "Successful"
	p.reported.revise()
	s.packages.keep(code)
	p.serving = &version{configuration: p.reported, code: code}
}

// endPublishing ends the publishing of what the end of an update, or of the
// creation, has brought: v, or with a failure nothing. The server's mutex must
// be held.
func (s *Server) endPublishing(f *function, v *version, failure *Failure) {
	if len(f.versions) == 0 {
		return
	}
	p := f.versions[len(f.versions)-1]
	switch {
	case p.reported.State != "Pending":
	case failure == nil:
		s.activate(p, v.code)
	default:
		// Assumption: a version fails with the update that it is published by.
		p.reported.State, p.reported.StateReason, p.reported.StateReasonCode = "Failed", failure.Reason, failure.ReasonCode
		p.reported.revise()
	}
}

// listVersionsByFunction lists $LATEST and what was published, oldest first.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_ListVersionsByFunction.html
func (s *Server) listVersionsByFunction(c *call) (reply, error) {
	t, err := s.latestTarget(c)
	if err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(t)
	if err != nil {
		return reply{}, err
	}
	list := map[string]configuration{}
	s.listVersions(f, list)
	versions, next, err := page(c.URL.Query(), list, 50)
	if err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusOK, struct {
		Versions   []configuration
		NextMarker string `json:",omitempty"`
	}{versions, next})
}

// listVersions puts a function's versions into a list, under keys that sort by
// name and number.
func (s *Server) listVersions(f *function, list map[string]configuration) {
	add := func(number int, version string) {
		t := target{f.reported.FunctionName, version}
		list[fmt.Sprintf("%s %010d", t.name, number)] = s.reported(f, t).listed()
	}
	add(0, latest)
	for _, p := range f.versions {
		add(p.number, p.reported.Version)
	}
}

// deleteVersion removes a version, if there is one of that number and no alias
// leads to it. The server's mutex must be held.
//
// https://github.com/karl-cardenas-coding/go-lambda-cleanup/issues/45
func (s *Server) deleteVersion(f *function, version string) error {
	if isAliasName(version) {
		return invalidParameter("Deletion of aliases is not currently supported.")
	}
	if names := f.aliasesOf(version); len(names) > 0 {
		return conflict("Unable to delete version because the following aliases reference it: [%s]", strings.Join(names, ", "))
	}
	f.versions = slices.DeleteFunc(f.versions, func(p *publication) bool {
		if p.reported.Version != version {
			return false
		}
		s.retire(p.serving)
		return true
	})
	return nil
}
