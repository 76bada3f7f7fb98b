package emulator

import (
	"maps"
	"math"
	"net/http"
	"net/url"
	"path"
	"slices"

	"github.com/google/uuid"
)

// alias is a name for a version, as the API reports it. But for its turn, which
// the server's mutex guards, it is replaced, never changed.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_AliasConfiguration.html
type alias struct {
	AliasArn        string
	Name            string
	FunctionVersion string
	Description     string
	RoutingConfig   *routingConfig `json:",omitempty"`
	RevisionId      string

	turn int // invocations since the routing was set
}

// routingConfig gives a share of an alias's invocations to a second version.
type routingConfig struct {
	AdditionalVersionWeights map[string]float64 // by version, from 0 to 1
}

// pick is the version that the next invocation is for. AWS picks by chance. Here a
// weight of 1/n gives every n-th invocation to the second version.
func (a *alias) pick() string {
	if a.RoutingConfig != nil {
		n := float64(a.turn)
		a.turn++
		for second, weight := range a.RoutingConfig.AdditionalVersionWeights {
			if math.Floor((n+1)*weight) > math.Floor(n*weight) {
				return second
			}
		}
	}
	return a.FunctionVersion
}

// leadsTo says whether invocations by the alias can be for a version.
func (a *alias) leadsTo(version string) bool {
	if a.RoutingConfig != nil {
		if _, ok := a.RoutingConfig.AdditionalVersionWeights[version]; ok {
			return true
		}
	}
	return a.FunctionVersion == version
}

// aliasesOf are the names of the aliases that lead to a version, sorted.
func (f *function) aliasesOf(version string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(f.aliases)) {
		if f.aliases[name].leadsTo(version) {
			names = append(names, name)
		}
	}
	return names
}

// isAliasName tells an alias's name from a version's number.
func isAliasName(name string) bool {
	return matches(`[a-zA-Z0-9-_]+`, name) && !matches(`[0-9]+`, name)
}

func checkAliasName(name string) error {
	if len(name) > 128 {
		return invalid(name, "name", "Member must have length less than or equal to 128")
	}
	if !isAliasName(name) {
		return invalid(name, "name", "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)")
	}
	return nil
}

// aliasTarget is the alias that a call's path names, as a target.
func (s *Server) aliasTarget(c *call) (target, error) {
	t, err := s.latestTarget(c)
	if err != nil {
		return target{}, err
	}
	if t.qualifier, err = url.PathUnescape(path.Base(c.URL.EscapedPath())); err != nil {
		return target{}, invalidParameter("The alias's name is not escaped as it should be: %v", err)
	}
	return t, checkAliasName(t.qualifier)
}

// aliasRequest is what requests give of an alias. What is nil was not given.
type aliasRequest struct {
	FunctionName, Name           *string // of an alias that exists, in the path
	FunctionVersion, Description *string
	RoutingConfig                *routingConfig
	RevisionId                   *string
}

// readAlias reads a request about an alias, and checks its members one by one.
func readAlias(c *call) (r aliasRequest, err error) {
	if err := decode(c.body, &r); err != nil {
		return r, err
	}
	const pattern = `(\$LATEST(\.PUBLISHED)?|[0-9]+)`
	if r.FunctionVersion != nil && !matches(pattern, *r.FunctionVersion) {
		return r, invalid(*r.FunctionVersion, "functionVersion", "Member must satisfy regular expression pattern: "+pattern)
	}
	if err := (settings{Description: r.Description}).apply(&configuration{}); err != nil {
		return r, err
	}
	if r.RoutingConfig == nil {
		return r, nil
	}
	weights := r.RoutingConfig.AdditionalVersionWeights
	for version, weight := range weights {
		if !matches(`[0-9]+`, version) {
			return r, invalid(weights, "routingConfig.additionalVersionWeights", "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]")
		}
		if weight < 0 || weight > 1 {
			return r, invalid(weights, "routingConfig.additionalVersionWeights", "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]")
		}
	}
	if len(weights) > 1 {
		return r, invalidParameter("Number of items in AdditionalVersionWeights cannot be greater than 1")
	}
	return r, nil
}

// changed is an alias of f with what a request gives, under a new revision. The
// server's mutex must be held.
func (s *Server) changed(f *function, a alias, r aliasRequest) (*alias, error) {
	if r.FunctionVersion != nil {
		a.FunctionVersion = *r.FunctionVersion
	}
	if r.Description != nil {
		a.Description = *r.Description
	}
	if r.RoutingConfig != nil {
		a.RoutingConfig, a.turn = r.RoutingConfig, 0
		if len(r.RoutingConfig.AdditionalVersionWeights) == 0 {
			a.RoutingConfig = nil
		}
	}
	if _, err := s.find(target{f.reported.FunctionName, a.FunctionVersion}); err != nil {
		return nil, err
	}
	if a.RoutingConfig != nil {
		for second := range a.RoutingConfig.AdditionalVersionWeights {
			switch {
			case a.FunctionVersion == latest:
				return nil, invalidParameter("$LATEST is not supported for an alias pointing to more than 1 version")
			case a.FunctionVersion == second:
				return nil, invalidParameter("Invalid function version %s. Function version %s is already included in routing configuration.", second, second)
			}
			if _, err := s.find(target{f.reported.FunctionName, second}); err != nil {
				return nil, err
			}
		}
	}
	a.RevisionId = uuid.NewString()
	return &a, nil
}

// createAlias makes an alias.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html
func (s *Server) createAlias(c *call) (reply, error) {
	request, err := readAlias(c)
	if err != nil {
		return reply{}, err
	}
	if request.Name == nil {
		return reply{}, invalid(nil, "name", "Member must not be null")
	}
	if request.FunctionVersion == nil {
		return reply{}, invalid(nil, "functionVersion", "Member must not be null")
	}
	if err := checkAliasName(*request.Name); err != nil {
		return reply{}, err
	}
	t, err := s.latestTarget(c)
	if err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(target{t.name, *request.FunctionVersion})
	if err != nil {
		return reply{}, err
	}
	t.qualifier = *request.Name
	if _, ok := f.aliases[t.qualifier]; ok {
		return reply{}, conflict("Alias already exists: %s", s.arn(t))
	}
	a, err := s.changed(f, alias{AliasArn: s.arn(t), Name: t.qualifier}, request)
	if err != nil {
		return reply{}, err
	}
	f.aliases[t.qualifier] = a
	return jsonReply(http.StatusCreated, a)
}

// getAlias reports an alias.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_GetAlias.html
func (s *Server) getAlias(c *call) (reply, error) {
	t, err := s.aliasTarget(c)
	if err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(target{name: t.name})
	if err != nil {
		return reply{}, err
	}
	a, ok := f.aliases[t.qualifier]
	if !ok {
		return reply{}, aliasNotFound("Cannot find alias arn: " + s.arn(t))
	}
	return jsonReply(http.StatusOK, a)
}

// updateAlias changes what is given of an alias and leaves the rest. It takes
// effect at once.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html
func (s *Server) updateAlias(c *call) (reply, error) {
	request, err := readAlias(c)
	if err != nil {
		return reply{}, err
	}
	t, err := s.aliasTarget(c)
	if err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(target{name: t.name})
	if err != nil {
		return reply{}, err
	}
	old, ok := f.aliases[t.qualifier]
	if !ok {
		return reply{}, aliasNotFound("Alias not found: " + s.arn(t))
	}
	if request.RevisionId != nil && *request.RevisionId != old.RevisionId {
		return reply{}, staleRevision()
	}
	a, err := s.changed(f, *old, request)
	if err != nil {
		return reply{}, err
	}
	f.aliases[t.qualifier] = a
	return jsonReply(http.StatusOK, a)
}

func aliasNotFound(message string) *apiError {
	return &apiError{http.StatusNotFound, "ResourceNotFoundException", message}
}

// deleteAlias removes an alias, if there is one of that name. Assumption: there
// need not be the function either, as the reference has no error for that.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_DeleteAlias.html
func (s *Server) deleteAlias(c *call) (reply, error) {
	t, err := s.aliasTarget(c)
	if err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.functions[t.name]; ok {
		delete(f.aliases, t.qualifier)
	}
	return reply{status: http.StatusNoContent}, nil
}

// listAliases lists a function's aliases by name. Assumptions: those that only
// their weights lead to a version are not listed for it; fifty make a page.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_ListAliases.html
func (s *Server) listAliases(c *call) (reply, error) {
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
	query := c.URL.Query()
	list := maps.Clone(f.aliases)
	if version := query.Get("FunctionVersion"); version != "" {
		maps.DeleteFunc(list, func(_ string, a *alias) bool { return a.FunctionVersion != version })
	}
	aliases, next, err := page(query, list, 50)
	if err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusOK, struct {
		Aliases    []*alias
		NextMarker string `json:",omitempty"`
	}{aliases, next})
}
