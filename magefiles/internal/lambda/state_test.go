package lambda

import "testing"

// TestDeployed derives what a deployed zip is from its runtime, handler and
// contents. The name of the legacy binary in lambdas.json is "lambda".
func TestDeployed(t *testing.T) {
	for _, test := range []struct {
		name     string
		runtime  string
		handler  string
		contents *Contents
		legacy   string
		kind     string // as Package returns it
		stage    string
	}{
		{"legacy", Go1x, "main", deployed("main*"), "main", "legacy", "before"},
		{"legacy with files", Go1x, "bin/foo", deployed("bin/foo* config.json"), "bin/foo", "legacy", "before"},
		{"legacy, not read", Go1x, "main", nil, "main", "", "before"},
		{"legacy without its file", Go1x, "main", deployed("lambda*"), "main", "other", "before"},
		{"legacy without its mode", Go1x, "main", deployed("main"), "main", "other", "before"},
		{"legacy and a bootstrap of another tool", Go1x, "main", deployed("bootstrap* main*"), "main", "dual", "ready"},
		{"handler bootstrap", Go1x, "bootstrap", deployed("bootstrap*"), "bootstrap", "legacy", "before"},
		{"handler bootstrap, ours", Go1x, "bootstrap", made("bootstrap", "bootstrap*"), "bootstrap", "dual", "ready"},
		{"ready", Go1x, "bin/foo", made("bin/foo", "bin/foo* bootstrap*"), "bin/foo", "dual", "ready"},
		{"a handler that dualboot did not build", Go1x, "tool", made("main", "bootstrap* main* tool*"), "tool", "bootstrap", "before"},
		{"our bootstrap on go1.x", Go1x, "bootstrap", made("", "bootstrap*"), "bootstrap", "bootstrap", "before"},

		{"on al2", ProvidedAL2, "x", deployed("bootstrap*"), "", "bootstrap", "before"},
		{"on al2, ready", ProvidedAL2, "x", made("lambda", "bootstrap* lambda*"), "lambda", "dual", "ready"},

		{"switched", ProvidedAL2023, "bootstrap", made("bin/foo", "bin/foo* bootstrap*"), "bin/foo", "dual", "switched"},
		{"switched, handler bootstrap", ProvidedAL2023, "bootstrap", made("bootstrap", "bootstrap*"), "bootstrap", "dual", "switched"},
		{"switched by another tool", ProvidedAL2023, "bootstrap", deployed("bootstrap* lambda*"), "lambda", "dual", "switched"},
		{"another name", ProvidedAL2023, "bootstrap", deployed("bootstrap* main*"), "", "bootstrap", "clean"},
		{"clean", ProvidedAL2023, "bootstrap", made("", "bootstrap*"), "", "bootstrap", "clean"},
		{"clean with a file named lambda", ProvidedAL2023, "bootstrap", made("", "bootstrap* lambda*"), "", "bootstrap", "clean"},
		{"not read", ProvidedAL2023, "bootstrap", nil, "lambda", "", ""},
		{"the bootstrap of a layer", ProvidedAL2023, "bootstrap", deployed("config.json"), "", "other", "foreign"},

		{"another runtime", "python3.13", "app.handler", deployed("app.py"), "", "other", "foreign"},
	} {
		s := State{Runtime: test.runtime, Handler: test.handler, Contents: test.contents}
		if got := s.Legacy("lambda"); got != test.legacy {
			t.Errorf("%s: go1.x starts %q, want %q", test.name, got, test.legacy)
		}
		if got := s.Package("lambda"); got != test.kind {
			t.Errorf("%s: package %q, want %q", test.name, got, test.kind)
		}
		if got := s.Stage("lambda"); got != test.stage {
			t.Errorf("%s: stage %q, want %q", test.name, got, test.stage)
		}
	}

	image := State{PackageType: "Image"}
	if image.Package("lambda") != "image" || image.Stage("lambda") != "foreign" {
		t.Errorf("image: %q, %q", image.Package("lambda"), image.Stage("lambda"))
	}
	// With the handler bootstrap in lambdas.json, a bootstrap of another tool is
	// not taken for a binary of both runtimes.
	foreign := State{Runtime: ProvidedAL2023, Contents: deployed("bootstrap*")}
	if got := foreign.Legacy(Bootstrap); got != "" {
		t.Errorf("go1.x starts %q", got)
	}
}

func TestStartsProvided(t *testing.T) {
	for _, test := range []struct {
		name  string
		state State
		want  bool
	}{
		{"bootstrap", State{Runtime: Go1x, Handler: "main", Contents: deployed("bootstrap* main*")}, true},
		{"no bootstrap", State{Runtime: Go1x, Handler: "main", Contents: deployed("main*")}, false},
		{"not executable", State{Runtime: ProvidedAL2, Contents: deployed("bootstrap")}, false},
		{"for go1.x", State{Runtime: Go1x, Handler: Bootstrap, Contents: deployed("bootstrap*")}, false},
		{"for both", State{Runtime: Go1x, Handler: Bootstrap, Contents: made(Bootstrap, "bootstrap*")}, true},
	} {
		if got := test.state.StartsProvided(); got != test.want {
			t.Errorf("%s: %t, want %t", test.name, got, test.want)
		}
	}
}

func TestMayServeLegacy(t *testing.T) {
	for _, test := range []struct {
		state State
		want  bool
	}{
		{State{Runtime: Go1x}, true},
		{State{Runtime: ProvidedAL2023}, false},
		{State{Runtime: ProvidedAL2023, UpdateFailed: true, Architecture: X86_64}, true},
		{State{Runtime: ProvidedAL2023, UpdateFailed: true, Architecture: ARM64}, false},
	} {
		if got := test.state.MayServeLegacy(); got != test.want {
			t.Errorf("%+v: %t, want %t", test.state, got, test.want)
		}
	}
}

func TestSameUpdate(t *testing.T) {
	s := State{Runtime: Go1x, CodeSha256: "a", RevisionID: "1", LastModified: "12:00"}
	for name, test := range map[string]struct {
		change func(*State)
		want   bool
	}{
		"revision":          {func(s *State) { s.RevisionID = "2" }, true},
		"time":              {func(s *State) { s.LastModified = "12:01" }, false},
		"code":              {func(s *State) { s.CodeSha256 = "b" }, false},
		"update":            {func(s *State) { s.Updating = true }, false},
		"end of the update": {func(s *State) { s.UpdateFailed = true }, false},
	} {
		other := s
		test.change(&other)
		if got := s.SameUpdate(other); got != test.want {
			t.Errorf("another %s: %t, want %t", name, got, test.want)
		}
	}
}

func TestSameDeployment(t *testing.T) {
	s := State{Runtime: Go1x, Handler: "main", Architecture: X86_64, CodeSha256: "a", RevisionID: "1"}
	for name, test := range map[string]struct {
		change func(*State)
		want   bool
	}{
		"revision":     {func(s *State) { s.RevisionID = "2" }, true},
		"runtime":      {func(s *State) { s.Runtime = ProvidedAL2 }, false},
		"handler":      {func(s *State) { s.Handler = "lambda" }, false},
		"architecture": {func(s *State) { s.Architecture = ARM64 }, false},
		"code":         {func(s *State) { s.CodeSha256 = "b" }, false},
		"layer":        {func(s *State) { s.Layers = []string{"l"} }, false},
		"bridge":       {func(s *State) { s.Bridge = "b" }, false},
	} {
		other := s
		test.change(&other)
		if got := s.SameDeployment(other); got != test.want {
			t.Errorf("another %s: %t, want %t", name, got, test.want)
		}
	}
}

func TestBridged(t *testing.T) {
	for _, test := range []struct {
		name                     string
		runtime, handler, bridge string
		contents                 *Contents
		program, legacy, stage   string
		bridged                  bool
	}{
		{"attached", Go1x, "main", "b", deployed("main*"), "main", "main", "before", false},
		{"switched", ProvidedAL2023, "main", "b", deployed("main*"), "main", "main", "bridged", true},
		{"not read", ProvidedAL2023, "main", "b", nil, "main", "main", "bridged", true},
		{"with the dual zip", ProvidedAL2023, "main", "b", made("main", "bootstrap* main*"), "main", "main", "bridged", true},
		{"with the handler bootstrap", ProvidedAL2023, "bootstrap", "b", made("main", "bootstrap* main*"), "bootstrap", "main", "bridged", false},
		{"detached", ProvidedAL2023, "bootstrap", "", made("main", "bootstrap* main*"), "bootstrap", "main", "switched", false},
	} {
		s := State{Runtime: test.runtime, Handler: test.handler, Bridge: test.bridge, Contents: test.contents}
		if got := s.Bridged(); got != test.bridged {
			t.Errorf("%s: bridged %t, want %t", test.name, got, test.bridged)
		}
		if got := s.Program(); got != test.program {
			t.Errorf("%s: %q is started, want %q", test.name, got, test.program)
		}
		if got := s.Legacy("lambda"); got != test.legacy {
			t.Errorf("%s: go1.x starts %q, want %q", test.name, got, test.legacy)
		}
		if got := s.Stage("lambda"); got != test.stage {
			t.Errorf("%s: stage %q, want %q", test.name, got, test.stage)
		}
	}
}

func TestIsBridge(t *testing.T) {
	for arn, want := range map[string]bool{
		"arn:aws:lambda:eu-west-1:123456789012:layer:dualboot-bridge-0123456789ab:3":     true,
		"arn:aws-cn:lambda:cn-north-1:123456789012:layer:dualboot-bridge-0123456789ab:3": true,
		"arn:aws:lambda:eu-west-1:123456789012:layer:dualboot-bridges:3":                 false,
		"arn:aws:lambda:eu-west-1:123456789012:layer:other:3":                            false,
		"arn:aws:lambda:eu-west-1:123456789012:function:dualboot-bridge-0123456789ab:3":  false,
		"dualboot-bridge-0123456789ab":                                                   false,
	} {
		if got := IsBridge(arn); got != want {
			t.Errorf("%s: %t, want %t", arn, got, want)
		}
	}
}
