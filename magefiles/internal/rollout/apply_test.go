package rollout_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/lambdatest"
)

// config is what Lambda reports about a function.
type config = types.FunctionConfiguration

// scenario is the way of function "a" to a goal.
type scenario struct {
	name    string
	prepare func(*lambdatest.Lambda)
	single  bool // the manifest does not ask for dual zips
	// calls are the calls in order. nil stands for any calls, and "..." at the
	// beginning for any calls before the others.
	calls   []string
	err     string
	runtime types.Runtime // in the end
	again   []string      // the calls of a second run after a success; default one read
}

// run runs the scenario.
func (s scenario) run(t *testing.T, l *lambdatest.Lambda, zips lambda.Zips, goal fleet.Goal) {
	if s.prepare != nil {
		s.prepare(l)
	}
	list := functions(zips, goal, "a")
	list[0].Dual = !s.single
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour) // for a run that would not end
	defer cancel()
	_ = run(ctx, l, 1, list)
	if got := message(list[0].Err); got != s.err {
		t.Errorf("error\n%s\nwant\n%s", got, s.err)
	}
	want, got := s.calls, l.Log()
	if len(want) > 0 && want[0] == "..." {
		want = want[1:]
		got = got[max(0, len(got)-len(want)):]
	}
	if diff := cmp.Diff(want, got); diff != "" && want != nil {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if got := l.Function("a").Runtime; got != s.runtime {
		t.Errorf("it ends on %s, want %s", got, s.runtime)
	}

	time.Sleep(time.Hour) // let updates end
	if s.err != "" {
		return
	}
	l.Before = nil
	l.Reset()
	again := functions(zips, goal, "a")
	again[0].Dual = !s.single
	if err := run(t.Context(), l, 1, again); err != nil {
		t.Errorf("a second run: %v", err)
	}
	if s.again == nil {
		s.again = []string{"0s get a"}
	}
	if diff := cmp.Diff(s.again, l.Log()); diff != "" {
		t.Errorf("calls of a second run (-want +got):\n%s", diff)
	}
}

// once returns a hook that is called at the first call of an operation.
func once(o lambdatest.Operation, do func()) func(lambdatest.Call) *lambdatest.Error {
	done := false
	return func(call lambdatest.Call) *lambdatest.Error {
		if call.Operation == o && !done {
			done = true
			do()
		}
		return nil
	}
}

// whileSettling lets somebody else change the function after 30 s.
func whileSettling(change func(*config)) func(*lambdatest.Lambda) {
	return func(l *lambdatest.Lambda) {
		time.AfterFunc(30*time.Second, func() { l.Change("a", change) })
	}
}

// stopped returns the error of a run that such a change has stopped.
func stopped(change, revisions string) string {
	return `settling "a": somebody else has changed the function (` + change +
		`, LastModified 2000-01-01T00:00:00.000+0000 → 2000-01-01T00:00:30.000+0000, RevisionId ` + revisions +
		`); run the command again when they are done`
}

// The changes that somebody else makes.
func describe(f *config) { f.Description = aws.String("new") }
func theirs(f *config)   { f.CodeSha256 = aws.String("theirs") }

// longUpdate starts an update that takes longer than an update is assumed to take
// with its settle delay. When it ends, LastModified is older than that.
func longUpdate(l *lambdatest.Lambda) {
	before := l.UpdateTime
	l.UpdateTime = 5 * time.Minute
	l.Update("a", describe)
	l.UpdateTime = before
}

// switchedTo sets up a function on provided.al2023. Its switch is just complete.
func switchedTo(codeSha256 string) func(*config) {
	return func(f *config) {
		f.Runtime, f.Handler, f.CodeSha256 = types.RuntimeProvidedal2023, aws.String("bootstrap"), &codeSha256
	}
}

// block makes AWS reject code for functions on go1.x.
func block(l *lambdatest.Lambda) {
	l.Before = func(call lambdatest.Call) *lambdatest.Error {
		if call.Operation == lambdatest.Code && l.Function("a").Runtime == types.RuntimeGo1x {
			return &lambdatest.Error{Status: 400, Code: "InvalidParameterValueException", Message: "The runtime parameter of go1.x is no longer supported for creating or updating AWS Lambda functions."}
		}
		return nil
	}
}

func TestDeploy(t *testing.T) {
	zips := writeZips(t, "new")
	ours := func(f *config) { f.CodeSha256 = &zips.Dual.CodeSha256 }
	migrated := []string{
		"0s get a", "0s zip old", "0s code a", "1s get a", // 60 s of settling
		"61s get a", "61s config a", "62s get a",
	}
	onAL2 := func(change func(*config)) func(*lambdatest.Lambda) {
		return func(l *lambdatest.Lambda) {
			l.Create("a", func(f *config) { f.Runtime, f.Handler = types.RuntimeProvidedal2, aws.String("bootstrap") })
			whileSettling(change)(l)
		}
	}
	dual := switchedTo(zips.Dual.CodeSha256)
	for _, test := range []scenario{
		{name: "a migration", calls: migrated, runtime: types.RuntimeProvidedal2023},
		{
			name: "a migration with dual off", single: true, calls: migrated, runtime: types.RuntimeProvidedal2023,
			again: []string{"0s get a", "0s code a", "1s get a"}, // drops lambda
		},
		{
			name:    "nothing to do",
			prepare: func(l *lambdatest.Lambda) { l.Create("a", dual) },
			calls:   []string{"0s get a"}, runtime: types.RuntimeProvidedal2023,
		},
		{
			name:    "an update is in progress",
			prepare: func(l *lambdatest.Lambda) { l.Update("a", describe) },
			calls: []string{
				"0s get a", "1s get a", "1s zip old", "1s code a", "2s get a",
				"62s get a", "62s config a", "63s get a",
			},
			runtime: types.RuntimeProvidedal2023,
		},
		{
			name: "somebody else changes the handler while an update is in progress",
			prepare: func(l *lambdatest.Lambda) {
				l.Update("a", func(f *config) { f.Handler = aws.String("main") })
				l.Change("a", func(f *config) {
					f.Handler = aws.String("lambda")
					f.LastUpdateStatus = types.LastUpdateStatusInProgress
				})
				time.AfterFunc(500*time.Millisecond, func() { l.Change("a", func(f *config) { f.Handler = aws.String("main") }) })
			},
			err: `refusing to deploy "a": it needs a zip with main for x86_64, which was not built; run the command again`, runtime: types.RuntimeGo1x,
		},
		{
			name: "another update gets in the way and ends",
			prepare: func(l *lambdatest.Lambda) {
				l.Before = once(lambdatest.Code, func() { l.Update("a", describe) })
			},
			calls: []string{
				"0s get a", "0s zip old", "0s code a", "1s get a", "1s code a", "2s get a",
				"62s get a", "62s config a", "63s get a",
			},
			runtime: types.RuntimeProvidedal2023,
		},
		{
			name: "somebody else's deploy gets in the way and ends",
			prepare: func(l *lambdatest.Lambda) {
				l.Before = once(lambdatest.Code, func() { l.Update("a", theirs) })
			},
			calls: []string{"0s get a", "0s zip old", "0s code a", "1s get a"},
			err:   `updating the code of "a": somebody else has changed the function (CodeSha256 old → theirs, RevisionId r0 → r2); run the command again when they are done`, runtime: types.RuntimeGo1x,
		},
		{
			name: "an update gets in the way of each call",
			prepare: func(l *lambdatest.Lambda) {
				l.UpdateTime = 9 * time.Minute
				code, config := once(lambdatest.Code, func() { l.Update("a", describe) }), once(lambdatest.Config, func() { l.Update("a", describe) })
				l.Before = func(call lambdatest.Call) *lambdatest.Error {
					_ = code(call)
					return config(call)
				}
			},
			runtime: types.RuntimeProvidedal2023,
		},
		{
			name: "other updates stay in the way",
			prepare: func(l *lambdatest.Lambda) {
				l.Before = func(call lambdatest.Call) *lambdatest.Error {
					if call.Operation == lambdatest.Code {
						return &lambdatest.Error{Status: 409, Code: "ResourceConflictException", Message: "An update is in progress"}
					}
					return nil
				}
			},
			err: `updating the code of "a": ResourceConflictException: An update is in progress`, runtime: types.RuntimeGo1x,
		},
		{
			name: "somebody else deploys between the read and the write",
			prepare: func(l *lambdatest.Lambda) {
				l.Before = once(lambdatest.Code, func() { l.Change("a", theirs) })
			},
			calls: []string{"0s get a", "0s zip old", "0s code a", "0s get a"},
			err:   `updating the code of "a": somebody else has changed the function (CodeSha256 old → theirs, RevisionId r0 → r1); run the command again when they are done`, runtime: types.RuntimeGo1x,
		},
		{
			name: "somebody tags the function between each read and write, and while it settles",
			prepare: func(l *lambdatest.Lambda) {
				code, config := once(lambdatest.Code, func() { l.Tag("a") }), once(lambdatest.Config, func() { l.Tag("a") })
				l.Before = func(call lambdatest.Call) *lambdatest.Error {
					code(call)
					return config(call)
				}
				time.AfterFunc(30*time.Second, func() { l.Tag("a") })
			},
			calls: []string{
				"0s get a", "0s zip old", "0s code a", "0s get a", "0s code a", "1s get a",
				"61s get a", "61s config a", "61s get a", "61s config a", "62s get a",
			},
			runtime: types.RuntimeProvidedal2023,
		},
		{
			name: "somebody keeps tagging the function",
			prepare: func(l *lambdatest.Lambda) {
				l.Before = func(call lambdatest.Call) *lambdatest.Error {
					if call.Operation == lambdatest.Code {
						l.Tag("a")
					}
					return nil
				}
			},
			err:     `updating the code of "a": somebody else has changed the function (RevisionId r3 → r4); run the command again when they are done`,
			runtime: types.RuntimeGo1x,
		},
		{
			name: "somebody else deploys after the write",
			prepare: func(l *lambdatest.Lambda) {
				l.Before = func(call lambdatest.Call) *lambdatest.Error {
					if call.Operation == lambdatest.Get && *l.Function("a").RevisionId == "r2" {
						l.Change("a", theirs)
					}
					return nil
				}
			},
			calls: []string{"0s get a", "0s zip old", "0s code a", "1s get a"},
			err: `updating the code of "a": somebody else has changed the function (CodeSha256 old → theirs, ` +
				`LastModified 2000-01-01T00:00:00.000+0000 → 2000-01-01T00:00:01.000+0000, RevisionId r0 → r3); run the command again when they are done`,
			runtime: types.RuntimeGo1x,
		},
		{
			name: "the answer to an update is lost and it is sent again",
			prepare: func(l *lambdatest.Lambda) {
				l.Before = once(lambdatest.Code, func() { l.Update("a", ours) })
			},
			calls: migrated, runtime: types.RuntimeProvidedal2023,
		},
		{
			name: "the answer is lost and the update is sent again after it is complete",
			prepare: func(l *lambdatest.Lambda) {
				l.Before = once(lambdatest.Code, func() { l.Change("a", ours) })
			},
			calls:   []string{"0s get a", "0s zip old", "0s code a", "0s get a", "60s get a", "60s config a", "61s get a"},
			runtime: types.RuntimeProvidedal2023,
		},
		{
			name:    "reads are stale after an update",
			prepare: func(l *lambdatest.Lambda) { l.Stale = 3 },
			calls: []string{
				"0s get a", "0s zip old", "0s code a", "1s get a", "1.5s get a", "2.25s get a", "3.375s get a",
				"63.375s get a", "63.375s config a", "64.375s get a", "64.875s get a", "65.625s get a", "66.75s get a",
			},
			runtime: types.RuntimeProvidedal2023,
		},
		{
			name: "a read is stale after the answer to an update is lost",
			prepare: func(l *lambdatest.Lambda) {
				l.Stale, l.UpdateTime = 2, 0
				l.Before = once(lambdatest.Code, func() { l.Update("a", ours); time.Sleep(time.Millisecond) })
			},
			runtime: types.RuntimeProvidedal2023,
		},
		{
			name:    "reads stay stale",
			prepare: func(l *lambdatest.Lambda) { l.Stale = 1000 },
			err:     `waiting for the update of "a": AWS has accepted an update and still shows the revision before it after 1m0s; run the command again`,
			runtime: types.RuntimeGo1x,
		},
		{
			name:    "AWS has blocked go1.x, and the zip has bootstrap",
			prepare: func(l *lambdatest.Lambda) { l.AddZip("old", "bootstrap", "lambda"); block(l) },
			calls: []string{
				"0s get a", "0s zip old", "0s code a", "60s get a", "60s config a", "61s get a", "61s code a", "62s get a",
			},
			runtime: types.RuntimeProvidedal2023,
		},
		{
			name:    "AWS has blocked go1.x, and the zip has no bootstrap",
			prepare: block,
			calls:   []string{"0s get a", "0s zip old", "0s code a", "0s get a"},
			err:     `checking the deployed zip of "a": it has no programs`, runtime: types.RuntimeGo1x,
		},
		{
			name:    "somebody else changes something while it settles",
			prepare: whileSettling(describe),
			calls:   []string{"0s get a", "0s zip old", "0s code a", "1s get a", "61s get a", "121s get a", "121s config a", "122s get a"},
			runtime: types.RuntimeProvidedal2023,
		},
		{
			name: "somebody else keeps changing something while it settles",
			prepare: func(l *lambdatest.Lambda) {
				var again func()
				again = func() {
					if time.Now().Hour() < 4 {
						l.Change("a", describe)
						time.AfterFunc(30*time.Second, again)
					}
				}
				time.AfterFunc(30*time.Second, again)
			},
			calls: []string{"0s get a", "0s zip old", "0s code a", "1s get a", "61s get a", "121s get a", "181s get a"},
			err:   `settling "a": somebody else keeps changing the function; run the command again when they are done`, runtime: types.RuntimeGo1x,
		},
		{
			name:    "somebody else deploys while it settles",
			prepare: whileSettling(theirs),
			calls:   []string{"0s get a", "0s zip old", "0s code a", "1s get a", "61s get a"},
			err:     stopped("CodeSha256 "+zips.Dual.CodeSha256+" → theirs", "r2 → r3"), runtime: types.RuntimeGo1x,
		},
		{
			name:    "somebody else changes only the architecture while it settles",
			prepare: onAL2(func(f *config) { f.Architectures = []types.Architecture{types.ArchitectureArm64} }),
			calls:   []string{"0s get a", "0s zip old", "0s code a", "1s get a", "61s get a"},
			err:     stopped("architecture x86_64 → arm64", "r2 → r3"), runtime: types.RuntimeProvidedal2,
		},
		{
			name:    "somebody else changes only the handler while it settles",
			prepare: onAL2(func(f *config) { f.Handler = aws.String("main") }),
			calls:   []string{"0s get a", "0s zip old", "0s code a", "1s get a", "61s get a"},
			err:     stopped("handler bootstrap → main", "r2 → r3"), runtime: types.RuntimeProvidedal2,
		},
		{
			name:    "somebody else changes only the runtime while it settles",
			prepare: onAL2(func(f *config) { f.Runtime = types.RuntimeProvided }),
			calls:   []string{"0s get a", "0s zip old", "0s code a", "1s get a", "61s get a"},
			err:     stopped("runtime provided.al2 → provided", "r2 → r3"), runtime: types.RuntimeProvided,
		},
		{
			name:    "another run switches it while it settles",
			prepare: whileSettling(func(f *config) { f.Runtime, f.Handler = types.RuntimeProvidedal2023, aws.String("bootstrap") }),
			calls:   []string{"0s get a", "0s zip old", "0s code a", "1s get a", "61s get a"}, runtime: types.RuntimeProvidedal2023,
		},
		{
			name: "a zip without lambda while a long update is in progress",
			prepare: func(l *lambdatest.Lambda) {
				l.Create("a", dual)
				longUpdate(l)
			},
			single: true,
			calls:  []string{"...", "301.390625s get a", "361.390625s get a", "361.390625s code a", "362.390625s get a"}, runtime: types.RuntimeProvidedal2023,
		},
		{
			name:    "the update fails",
			prepare: func(l *lambdatest.Lambda) { l.FailUpdate("a") },
			calls:   []string{"0s get a", "0s zip old", "0s code a", "1s get a"},
			err:     `waiting for the update of "a": InternalError: try later`, runtime: types.RuntimeGo1x,
		},
		{
			name: "the update before failed",
			prepare: func(l *lambdatest.Lambda) {
				l.Create("a", func(f *config) {
					dual(f)
					f.LastUpdateStatus = types.LastUpdateStatusFailed
				})
			},
			calls: []string{"0s get a", "0s code a", "1s get a"}, runtime: types.RuntimeProvidedal2023,
		},
		{
			name:    "the update never ends",
			prepare: func(l *lambdatest.Lambda) { l.UpdateTime = -1 },
			err:     `waiting for the update of "a": it is still in progress after 10m0s`, runtime: types.RuntimeGo1x,
		},
		{
			name: "the creation takes a while",
			prepare: func(l *lambdatest.Lambda) {
				l.Create("a", func(f *config) { f.State = types.StatePending })
				time.AfterFunc(2*time.Second, func() { l.Change("a", func(f *config) { f.State = types.StateActive }) })
			},
			calls: []string{
				"0s get a", "1s get a", "1.5s get a", "2.25s get a", "2.25s zip old", "2.25s code a", "3.25s get a",
				"63.25s get a", "63.25s config a", "64.25s get a",
			},
			runtime: types.RuntimeProvidedal2023,
		},
		{
			name: "the creation never ends",
			prepare: func(l *lambdatest.Lambda) {
				l.Create("a", func(f *config) { f.State = types.StatePending })
			},
			calls: []string{"...", "591.390625s get a", "596.390625s get a", "601.390625s get a"},
			err:   `waiting for the update of "a": it is still in progress after 10m0s`, runtime: types.RuntimeGo1x,
		},
		{
			name: "access is denied while it waits",
			prepare: func(l *lambdatest.Lambda) {
				l.Before = func(call lambdatest.Call) *lambdatest.Error {
					if call.Operation == lambdatest.Get && *l.Function("a").RevisionId != "r0" {
						return &lambdatest.Error{Status: 403, Code: "AccessDeniedException", Message: "not authorized"}
					}
					return nil
				}
			},
			calls: []string{"0s get a", "0s zip old", "0s code a", "1s get a"},
			err:   `waiting for the update of "a": AccessDeniedException: not authorized; allow the action lambda:GetFunction; see Permissions in magefiles/docs/reference.md#permissions`, runtime: types.RuntimeGo1x,
		},
		{
			name:    "it does not exist",
			prepare: func(l *lambdatest.Lambda) { l.Delete("a") },
			calls:   []string{"0s get a"},
			err:     `reading "a": ResourceNotFoundException: Function not found: a; create the function, or correct its name in lambdas.json`,
		},
		{
			name:    "the answer has no RevisionId",
			prepare: func(l *lambdatest.Lambda) { l.Create("a", func(f *config) { f.RevisionId = nil }) },
			calls:   []string{"0s get a"},
			err:     `reading "a": the answer has no RevisionId, without which an update could undo somebody else's; is there a proxy in between?`, runtime: types.RuntimeGo1x,
		},
		{
			name: "it is refused",
			prepare: func(l *lambdatest.Lambda) {
				l.Create("a", func(f *config) { f.Runtime = types.RuntimeNodejs22x })
			},
			calls: []string{"0s get a"},
			err:   `refusing to deploy "a": its runtime is nodejs22.x; dualboot deploys to go1.x and provided.*: remove it from lambdas.json`, runtime: types.RuntimeNodejs22x,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test.run(t, newLambda("a"), zips, deploy) })
		})
	}
}

func TestCleanup(t *testing.T) {
	zips := writeZips(t, "new")
	for _, test := range []scenario{
		{
			name:  "soon after the switch",
			calls: []string{"0s get a", "60s get a", "60s code a", "61s get a"}, runtime: types.RuntimeProvidedal2023,
		},
		{
			name:    "long after the switch",
			prepare: func(l *lambdatest.Lambda) { time.Sleep(3 * time.Minute); l.Reset() },
			calls:   []string{"0s get a", "0s code a", "1s get a"}, runtime: types.RuntimeProvidedal2023,
		},
		{
			name:    "a long update is in progress",
			prepare: longUpdate,
			calls:   []string{"...", "296.390625s get a", "301.390625s get a", "361.390625s get a", "361.390625s code a", "362.390625s get a"},
			runtime: types.RuntimeProvidedal2023,
		},
		{
			name:    "somebody else changes only the architecture while it settles",
			prepare: whileSettling(func(f *config) { f.Architectures = []types.Architecture{types.ArchitectureArm64} }),
			calls:   []string{"0s get a", "60s get a"},
			err:     stopped("architecture x86_64 → arm64", "r0 → r1"), runtime: types.RuntimeProvidedal2023,
		},
		{
			name:    "somebody else rolls back while it settles",
			prepare: whileSettling(func(f *config) { f.Runtime, f.Handler = types.RuntimeGo1x, aws.String("lambda") }),
			calls:   []string{"0s get a", "60s get a"},
			err:     stopped("runtime provided.al2023 → go1.x, handler bootstrap → lambda", "r0 → r1"), runtime: types.RuntimeGo1x,
		},
		{
			name: "somebody else rolls back right before the update",
			prepare: func(l *lambdatest.Lambda) {
				l.Before = once(lambdatest.Code, func() {
					l.Change("a", func(f *config) { f.Runtime, f.Handler = types.RuntimeGo1x, aws.String("lambda") })
				})
			},
			calls: []string{"0s get a", "60s get a", "60s code a", "60s get a"},
			err:   `refusing to clean up "a": it is still on go1.x, which starts lambda; deploy it first`, runtime: types.RuntimeGo1x,
		},
		{
			name: "another run deploys the new code while it settles",
			prepare: func(l *lambdatest.Lambda) {
				l.AddZip("previous", "bootstrap", "lambda")
				l.Create("a", switchedTo("previous"))
				whileSettling(func(f *config) { f.CodeSha256 = &zips.Dual.CodeSha256 })(l)
			},
			calls: []string{"0s get a", "0s zip previous", "60s get a", "120s get a", "120s code a", "121s get a"}, runtime: types.RuntimeProvidedal2023,
		},
		{
			name:    "another run cleans up while it settles",
			prepare: whileSettling(func(f *config) { f.CodeSha256 = &zips.Bootstrap.CodeSha256 }),
			calls:   []string{"0s get a", "60s get a"}, runtime: types.RuntimeProvidedal2023,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lambdatest.New()
				l.Create("a", switchedTo(zips.Dual.CodeSha256))
				test.run(t, l, zips, fleet.Goal{Action: fleet.Cleanup, Settle: time.Minute})
			})
		})
	}
}

func TestRollback(t *testing.T) {
	cleaned := func(f *config) { f.CodeSha256 = aws.String("bootstrap") }
	noLambda := `refusing to roll back "a": the deployed zip (bootstrap) has no file that go1.x starts; set "dual" to true in lambdas.json and deploy it first`
	for _, test := range []scenario{
		{
			name:  "a rollback",
			calls: []string{"0s get a", "0s zip dual", "60s get a", "60s config a", "61s get a"}, runtime: types.RuntimeGo1x,
		},
		{
			name:    "a long update is in progress",
			prepare: longUpdate,
			calls: []string{
				"...", "301.390625s get a", "301.390625s zip dual", "361.390625s get a", "361.390625s config a", "362.390625s get a",
			},
			runtime: types.RuntimeGo1x,
		},
		{
			name:    "somebody else cleans up while it settles",
			prepare: whileSettling(cleaned),
			calls:   []string{"0s get a", "0s zip dual", "60s get a"},
			err:     stopped("CodeSha256 dual → bootstrap", "r0 → r1"), runtime: types.RuntimeProvidedal2023,
		},
		{
			name:    "somebody else changes the runtime while it settles",
			prepare: whileSettling(func(f *config) { f.Runtime = types.RuntimeProvidedal2 }),
			calls:   []string{"0s get a", "0s zip dual", "60s get a"},
			err:     stopped("runtime provided.al2023 → provided.al2", "r0 → r1"), runtime: types.RuntimeProvidedal2,
		},
		{
			name:    "somebody else changes something else while it settles",
			prepare: whileSettling(func(f *config) { f.MemorySize = aws.Int32(256) }),
			calls: []string{
				"0s get a", "0s zip dual", "60s get a", "120s get a", "120s config a", "121s get a",
			},
			runtime: types.RuntimeGo1x,
		},
		{
			name:    "another run rolls back while it settles",
			prepare: whileSettling(func(f *config) { f.Runtime, f.Handler = types.RuntimeGo1x, aws.String("lambda") }),
			calls:   []string{"0s get a", "0s zip dual", "60s get a"}, runtime: types.RuntimeGo1x,
		},
		{
			name: "somebody else cleans up right before the switch",
			prepare: func(l *lambdatest.Lambda) {
				l.Before = once(lambdatest.Config, func() { l.Change("a", cleaned) })
			},
			calls: []string{"0s get a", "0s zip dual", "60s get a", "60s config a", "60s get a", "60s zip bootstrap"},
			err:   noLambda, runtime: types.RuntimeProvidedal2023,
		},
		{
			name:    "a cleanup is in progress",
			prepare: func(l *lambdatest.Lambda) { l.Update("a", cleaned) },
			calls:   []string{"0s get a", "1s get a", "1s zip bootstrap"},
			err:     noLambda, runtime: types.RuntimeProvidedal2023,
		},
		{
			name:    "it is already back",
			prepare: func(l *lambdatest.Lambda) { l.Create("a", nil) },
			calls:   []string{"0s get a"}, runtime: types.RuntimeGo1x,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lambdatest.New()
				l.AddZip("dual", "bootstrap", "lambda")
				l.AddZip("bootstrap", "bootstrap")
				l.Create("a", switchedTo("dual"))
				test.run(t, l, lambda.Zips{}, fleet.Goal{Action: fleet.Rollback, Previous: lambda.Go1x, Settle: time.Minute})
			})
		})
	}
}

func TestWaitBacksOff(t *testing.T) {
	zips := writeZips(t, "new")
	synctest.Test(t, func(t *testing.T) {
		l := newLambda("a")
		l.UpdateTime = 30 * time.Second
		_ = run(t.Context(), l, 1, functions(zips, deploy, "a"))
		want := []string{
			"0s get a", "0s zip old", "0s code a", "1s get a", "1.5s get a", "2.25s get a", "3.375s get a", "5.0625s get a",
			"7.59375s get a", "11.390625s get a", "16.390625s get a", "21.390625s get a",
		}
		if got := l.Log(); !slices.Equal(got[:len(want)], want) {
			t.Errorf("calls %v, want %v", got, want)
		}
	})
}
