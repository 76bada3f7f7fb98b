package emulator

import (
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
func (f *function) aliasesOf(version string) (names []string) {
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
	err := atMost(128, &name, "name")
	if err == nil && !isAliasName(name) {
		err = invalid(name, "name", "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)")
	}
	return err
}

type aliasRequest struct {
	FunctionName, Name           *string // for an update also in the path
	FunctionVersion, Description *string
	RoutingConfig                *routingConfig
	RevisionId                   *string
}

// check refuses members that are invalid by themselves.
func (r *aliasRequest) check() error {
	const member = "routingConfig.additionalVersionWeights"
	err := validate(
		matching(r.FunctionVersion, "functionVersion", `(\$LATEST(\.PUBLISHED)?|[0-9]+)`),
		checkDescription(r.Description),
	)
	weights := r.RoutingConfig.weights()
	for version, weight := range weights {
		switch {
		case err != nil:
		case !matches(`[0-9]+`, version):
			err = invalid(weights, member, "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]")
		case weight < 0 || weight > 1:
			err = invalid(weights, member, "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]")
		}
	}
	if err == nil && len(weights) > 1 {
		err = invalidParameter("Number of items in AdditionalVersionWeights cannot be greater than 1")
	}
	return err
}

func (s *Server) setAlias(f *function, a alias, r *aliasRequest) (any, error) {
	set(&a.FunctionVersion, r.FunctionVersion)
	set(&a.Description, r.Description)
	if r.RoutingConfig != nil {
		a.RoutingConfig, a.turn = r.RoutingConfig, 0
		if len(r.RoutingConfig.weights()) == 0 {
			a.RoutingConfig = nil
		}
	}
	_, err := s.find(target{f.reported.FunctionName, a.FunctionVersion})
	for second := range a.RoutingConfig.weights() {
		switch {
		case err != nil:
		case a.FunctionVersion == latest:
			err = invalidParameter("$LATEST is not supported for an alias pointing to more than 1 version")
		case a.FunctionVersion == second:
			err = invalidParameter("Invalid function version %s. Function version %s is already included in routing configuration.", second, second)
		default:
			_, err = s.find(target{f.reported.FunctionName, second})
		}
	}
	if err != nil {
		return nil, err
	}
	a.RevisionId = uuid.NewString()
	f.aliases[a.Name] = &a
	return &a, nil
}

func (s *Server) createAlias(c *call, r *aliasRequest) (any, error) {
	if err := validate(r.check(), required(r.Name, "name"), required(r.FunctionVersion, "functionVersion")); err != nil {
		return nil, err
	}
	if err := checkAliasName(*r.Name); err != nil {
		return nil, err
	}
	t, err := s.latestTarget(c)
	f, t, err := s.lookup(target{t.name, *r.FunctionVersion}, err)
	if err != nil {
		return nil, err
	}
	arn := s.arn(target{t.name, *r.Name})
	if f.aliases[*r.Name] != nil {
		return nil, conflict("Alias already exists: %s", arn)
	}
	return s.setAlias(f, alias{AliasArn: arn, Name: *r.Name}, r)
}

// aliasTarget returns the alias in the path of a call. It need not exist.
func (s *Server) aliasTarget(c *call) (target, error) {
	t, err := s.latestTarget(c)
	if err == nil {
		err = checkAliasName(c.part)
	}
	return target{t.name, c.part}, err
}

// findAlias returns the alias of a call and its function. The words begin the
// error if the function has no such alias.
func (s *Server) findAlias(c *call, words string) (*function, *alias, error) {
	t, err := s.aliasTarget(c)
	f, _, err := s.lookup(target{name: t.name}, err)
	if err != nil {
		return nil, nil, err
	}
	a := f.aliases[t.qualifier]
	if a == nil {
		return nil, nil, notFound("%s: %s", words, s.arn(t))
	}
	return f, a, nil
}

func (s *Server) getAlias(c *call) (any, error) {
	_, a, err := s.findAlias(c, "Cannot find alias arn")
	return a, err
}

func (s *Server) updateAlias(c *call, r *aliasRequest) (any, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	f, a, err := s.findAlias(c, "Alias not found")
	switch {
	case err != nil:
		return nil, err
	case r.RevisionId != nil && *r.RevisionId != a.RevisionId:
		return nil, staleRevision()
	}
	return s.setAlias(f, *a, r)
}

// deleteAlias deletes an alias, if it exists. Assumption: the function need not
// exist either, as the reference has no error for that.
func (s *Server) deleteAlias(c *call) (any, error) {
	t, err := s.aliasTarget(c)
	if f, ok := s.functions[t.name]; ok && err == nil {
		delete(f.aliases, t.qualifier)
	}
	return nil, err
}

// listAliases lists a function's aliases by name. Assumptions: FunctionVersion
// does not select aliases by their second version; a page has at most 50.
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
