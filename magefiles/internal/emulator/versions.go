package emulator

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// version is $LATEST or a published version.
//
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
type version struct {
	number   int           // 0 is $LATEST
	reported configuration // by the API; ahead of what serves while an update is InProgress
	serving  *deployment   // nil while the version is Pending, or if it is Failed
	source   configuration // that was published, frozen
}

// frozen returns what a version freezes of a configuration: not its name, date,
// revision and states.
func (c configuration) frozen() configuration {
	c = c.stateless()
	c.FunctionArn, c.Version, c.LastModified, c.RevisionId = "", "", "", ""
	return c
}

// all returns $LATEST and the published versions, oldest first.
func (f *function) all() []*version { return append([]*version{&f.version}, f.versions...) }

// qualified returns the version that a number, an alias or nothing names, or nil.
func (f *function) qualified(qualifier string) *version {
	if a, ok := f.aliases[qualifier]; ok {
		qualifier = a.FunctionVersion
	}
	for _, v := range f.all() {
		if v.reported.Version == cmp.Or(qualifier, latest) {
			return v
		}
	}
	return nil
}

// invokable returns why a version cannot be invoked.
func (v *version) invokable() error {
	if v.serving == nil {
		return notActive(v.reported.State)
	}
	return v.serving.invokable()
}

type publishRequest struct {
	FunctionName                        *string // also in the path
	CodeSha256, Description, RevisionId *string
}

func (s *Server) publishVersion(c *call, r *publishRequest) (any, error) {
	t, err := s.latestTarget(c)
	f, err := s.updatable(t, r.RevisionId, cmp.Or(checkDescription(r.Description), err))
	if err != nil {
		return nil, err
	}
	if given, sum := r.CodeSha256, f.reported.CodeSha256; given != nil && *given != sum {
		return nil, invalidParameter("CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). Please try again with the CodeSHA256 in $LATEST.", *given, sum)
	}
	return s.publish(f, r.Description).reported, nil
}

// publish publishes $LATEST as reported, or returns the last version if nothing
// has changed since. The description is $LATEST's if none is given. During an
// update, or the creation, the version is Pending.
//
// Assumptions: an update that restores the previous values is no change; numbers
// are not reused, but a function that is created again starts with 1; the
// version has the LastModified of $LATEST.
func (s *Server) publish(f *function, description *string) *version {
	source := f.reported.frozen()
	if n := len(f.versions); n > 0 {
		last := f.versions[n-1]
		if last.reported.State != "Failed" && reflect.DeepEqual(last.source, source) {
			return last
		}
	}
	f.published++
	v := &version{number: f.published, reported: f.reported.stateless(), source: source}
	v.reported.Version = strconv.Itoa(v.number)
	v.reported.FunctionArn = s.arn(target{f.reported.FunctionName, v.reported.Version})
	set(&v.reported.Description, description)
	if f.next == nil {
		s.activate(v, f.serving)
	} else {
		v.reported.state = creating
		v.reported.revise()
	}
	f.versions = append(f.versions, v)
	f.reported.revise()
	return v
}

// activate makes a version serve what a deployment runs.
func (s *Server) activate(v *version, d *deployment) {
	v.reported.state, v.reported.lastUpdate = active, successful
	v.reported.revise()
	v.serving = s.keep(&deployment{configuration: v.reported, code: d.code, opt: d.opt})
}

// endPublishing ends the publishing of the deployment that an update or the
// creation brought or, with a failure, did not bring.
func (s *Server) endPublishing(f *function, d *deployment, failure *Failure) {
	if len(f.versions) == 0 {
		return
	}
	v := f.versions[len(f.versions)-1]
	switch {
	case v.reported.State != creating.State:
	case failure == nil:
		s.activate(v, d)
	default:
		// Assumption: a version fails with the update that publishes it.
		v.reported.state = state{"Failed", failure.Reason, failure.ReasonCode}
		v.reported.revise()
	}
}

func (s *Server) listVersionsByFunction(c *call) (any, error) {
	f, _, err := s.lookup(s.latestTarget(c))
	if err != nil {
		return nil, err
	}
	list := map[string]configuration{}
	s.listVersions(f, list)
	return pageOf(c, "Versions", list, 50)
}

// listVersions adds a function's versions to a list, under keys that sort by
// name and number.
func (s *Server) listVersions(f *function, list map[string]configuration) {
	for _, v := range f.all() {
		t := target{v.reported.FunctionName, v.reported.Version}
		list[fmt.Sprintf("%s %010d", t.name, v.number)] = s.reported(f, t).listed()
	}
}

// deleteVersion deletes a version, if it exists and no alias points to it.
//
// https://github.com/karl-cardenas-coding/go-lambda-cleanup/issues/45
func (s *Server) deleteVersion(f *function, number string) error {
	if isAliasName(number) {
		return invalidParameter("Deletion of aliases is not currently supported.")
	}
	if names := f.aliasesOf(number); len(names) > 0 {
		return conflict("Unable to delete version because the following aliases reference it: [%s]", strings.Join(names, ", "))
	}
	if v := f.qualified(number); v != nil {
		s.retire(v.serving)
		f.versions = slices.DeleteFunc(f.versions, func(other *version) bool { return other == v })
	}
	return nil
}
