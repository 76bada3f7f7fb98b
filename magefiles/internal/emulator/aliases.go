package emulator

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/google/uuid"
)

// alias is a name for a version, as the API reports it. Except for its turn, an
// alias is replaced, never changed.
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

// routingConfig gives a share of an alias's invocations to a second version. It
// is nil or has one weight.
type routingConfig struct {
	AdditionalVersionWeights map[string]float64 // by version, from 0 to 1
}

func (r *routingConfig) weights() map[string]float64 {
	if r == nil {
		return nil
	}
	return r.AdditionalVersionWeights
}

// pick returns the version for the next invocation. AWS picks at random. Here a
// weight of 1/n gives every n-th invocation to the second version.
func (a *alias) pick() string {
	turn := float64(a.turn)
	a.turn++
	for second, weight := range a.RoutingConfig.weights() {
		if math.Floor((turn+1)*weight) > math.Floor(turn*weight) {
			return second
		}
	}
	return a.FunctionVersion
}

// aliasesOf returns the sorted names of the aliases that can lead to a version.
func (f *function) aliasesOf(version string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(f.aliases)) {
		a := f.aliases[name]
		if _, second := a.RoutingConfig.weights()[version]; second || a.FunctionVersion == version {
			names = append(names, name)
		}
	}
	return names
}

// isAliasName reports whether a name is an alias's and not a version's number.
func isAliasName(name string) bool {
	return matches(`[a-zA-Z0-9-_]+`, name) && !matches(`[0-9]+`, name)
}

func checkAliasName(name string) error {
	if err := atMost(128, &name, "name"); err != nil {
		return err
	}
	if !isAliasName(name) {
		return invalid(name, "name", "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)")
	}
	return nil
}

func checkDescription(description *string) error { return atMost(256, description, "description") }

// aliasRequest is the input of CreateAlias and UpdateAlias. Members that were
// not given are nil.
type aliasRequest struct {
	FunctionName, Name           *string // for an update also in the path
	FunctionVersion, Description *string
	RoutingConfig                *routingConfig
	RevisionId                   *string
}

// check refuses members that are invalid by themselves.
func (r *aliasRequest) check() error {
	err := cmp.Or(
		matching(r.FunctionVersion, "functionVersion", `(\$LATEST(\.PUBLISHED)?|[0-9]+)`),
		checkDescription(r.Description),
	)
	if err != nil {
		return err
	}
	weights := r.RoutingConfig.weights()
	for version, weight := range weights {
		if !matches(`[0-9]+`, version) {
			return invalid(weights, "routingConfig.additionalVersionWeights", "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]")
		}
		if weight < 0 || weight > 1 {
			return invalid(weights, "routingConfig.additionalVersionWeights", "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]")
		}
	}
	if len(weights) > 1 {
		return invalidParameter("Number of items in AdditionalVersionWeights cannot be greater than 1")
	}
	return nil
}

// apply returns an alias of f with the request's members and a new revision.
func (r *aliasRequest) apply(s *Server, f *function, a alias) (*alias, error) {
	set(&a.FunctionVersion, r.FunctionVersion)
	set(&a.Description, r.Description)
	if r.RoutingConfig != nil {
		a.RoutingConfig, a.turn = r.RoutingConfig, 0
		if len(r.RoutingConfig.weights()) == 0 {
			a.RoutingConfig = nil
		}
	}
	if _, err := s.find(target{f.reported.FunctionName, a.FunctionVersion}); err != nil {
		return nil, err
	}
	for second := range a.RoutingConfig.weights() {
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
	a.RevisionId = uuid.NewString()
	return &a, nil
}

// createAlias creates an alias.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html
func (s *Server) createAlias(c *call, r *aliasRequest) (any, error) {
	err := cmp.Or(
		r.check(),
		required(r.Name, "name"),
		required(r.FunctionVersion, "functionVersion"),
	)
	if err != nil {
		return nil, err
	}
	if err := checkAliasName(*r.Name); err != nil {
		return nil, err
	}
	t, err := s.latestTarget(c)
	if err != nil {
		return nil, err
	}
	f, err := s.find(target{t.name, *r.FunctionVersion})
	if err != nil {
		return nil, err
	}
	arn := s.arn(target{t.name, *r.Name})
	if f.aliases[*r.Name] != nil {
		return nil, conflict("Alias already exists: %s", arn)
	}
	return f.setAlias(r.apply(s, f, alias{AliasArn: arn, Name: *r.Name}))
}

// setAlias stores an alias and returns it as the answer.
func (f *function) setAlias(a *alias, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	f.aliases[a.Name] = a
	return a, nil
}

// aliasTarget returns the alias that the path of a call names. It need not exist.
func (s *Server) aliasTarget(c *call) (target, error) {
	t, err := s.latestTarget(c)
	if err != nil {
		return t, err
	}
	return target{t.name, c.alias}, checkAliasName(c.alias)
}

// findAlias returns the alias of a call and its function, or an error that
// begins with the given words.
func (s *Server) findAlias(c *call, words string) (*function, *alias, error) {
	t, err := s.aliasTarget(c)
	if err != nil {
		return nil, nil, err
	}
	f, err := s.find(target{name: t.name})
	if err != nil {
		return nil, nil, err
	}
	a := f.aliases[t.qualifier]
	if a == nil {
		return nil, nil, notFound("%s: %s", words, s.arn(t))
	}
	return f, a, nil
}

// getAlias reports an alias.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_GetAlias.html
func (s *Server) getAlias(c *call) (any, error) {
	_, a, err := s.findAlias(c, "Cannot find alias arn")
	return a, err
}

// updateAlias changes the members of an alias that are given, with effect on the
// next invocation.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html
func (s *Server) updateAlias(c *call, r *aliasRequest) (any, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	f, a, err := s.findAlias(c, "Alias not found")
	if err != nil {
		return nil, err
	}
	if r.RevisionId != nil && *r.RevisionId != a.RevisionId {
		return nil, staleRevision()
	}
	return f.setAlias(r.apply(s, f, *a))
}

// deleteAlias deletes an alias, if it exists. Assumption: the function need not
// exist either, as the reference has no error for that.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_DeleteAlias.html
func (s *Server) deleteAlias(c *call) (any, error) {
	t, err := s.aliasTarget(c)
	if err != nil {
		return nil, err
	}
	if f, ok := s.functions[t.name]; ok {
		delete(f.aliases, t.qualifier)
	}
	return nil, nil
}

// listAliases lists a function's aliases by name. Assumptions: FunctionVersion
// does not select aliases by their second version; a page has at most 50.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_ListAliases.html
func (s *Server) listAliases(c *call) (any, error) {
	f, _, err := s.lookup(s.latestTarget(c))
	if err != nil {
		return nil, err
	}
	list := maps.Clone(f.aliases)
	if version := c.URL.Query().Get("FunctionVersion"); version != "" {
		maps.DeleteFunc(list, func(_ string, a *alias) bool { return a.FunctionVersion != version })
	}
	return pageOf(c, "Aliases", list, 50)
}
