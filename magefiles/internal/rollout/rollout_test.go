package rollout

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-multierror"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
)

// cloud is a Lambda in memory: a few functions, each update of which takes a
// time. before, when not nil, is asked before each call, and its error is the
// answer.
type cloud struct {
	mu        sync.Mutex
	functions map[string]*function
	took      time.Duration
	before    func(call, function string) error
	calls     []string
	start     time.Time
}

type function struct {
	config   types.FunctionConfiguration
	revision int
	failing  bool // the next update ends Failed
}

func newCloud(names ...string) *cloud {
	c := &cloud{functions: map[string]*function{}, took: 900 * time.Millisecond, start: time.Now()}
	for _, name := range names {
		c.functions[name] = &function{config: types.FunctionConfiguration{
			FunctionName: &name, PackageType: types.PackageTypeZip, Runtime: types.RuntimeGo1x, Handler: aws.String("lambda"),
			Architectures: []types.Architecture{types.ArchitectureX8664}, CodeSha256: aws.String("old"), RevisionId: aws.String("r0"),
			LastUpdateStatus: types.LastUpdateStatusSuccessful, LastModified: aws.String("2024-01-01T00:00:00.000+0000"),
		}}
	}
	return c
}

// call logs the call with the second in which it came.
func (c *cloud) call(operation, name string) (*function, error) {
	c.calls = append(c.calls, fmt.Sprintf("%gs %s %s", time.Since(c.start).Seconds(), operation, name))
	if c.before != nil {
		if err := c.before(operation, name); err != nil {
			return nil, err
		}
	}
	f, ok := c.functions[name]
	if !ok {
		return nil, apiFailure("ResourceNotFoundException", "Function not found: "+name)
	}
	return f, nil
}

func apiFailure(code, message string) error {
	return &smithy.OperationError{ServiceID: "Lambda", OperationName: "Op", Err: &smithy.GenericAPIError{Code: code, Message: message}}
}

func (c *cloud) GetFunction(_ context.Context, in *sdk.GetFunctionInput, _ ...func(*sdk.Options)) (*sdk.GetFunctionOutput, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, err := c.call("get", *in.FunctionName)
	if err != nil {
		return nil, err
	}
	config := f.config
	return &sdk.GetFunctionOutput{
		Configuration: &config, Code: &types.FunctionCodeLocation{Location: aws.String("http://zips/" + *config.CodeSha256)},
	}, nil
}

// Do serves the zips that the functions have, by their CodeSha256: "dual" and
// "bootstrap" hold what these words say.
func (c *cloud) Do(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range map[string][]string{"/dual": dual.Files, "/bootstrap": bootstrap.Files}[r.URL.Path] {
		header := &zip.FileHeader{Name: name}
		header.SetMode(0o755)
		if _, err := w.CreateHeader(header); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	c.calls = append(c.calls, fmt.Sprintf("%gs zip %s", time.Since(c.start).Seconds(), r.URL.Path[1:]))
	return &http.Response{StatusCode: 200, Status: "200 OK", Body: io.NopCloser(&out)}, nil
}

// update does what the two update calls share; c.mu is held.
func (c *cloud) update(f *function, revision *string, change func(*types.FunctionConfiguration)) error {
	if f.config.LastUpdateStatus == types.LastUpdateStatusInProgress {
		return apiFailure("ResourceConflictException", "An update is in progress")
	}
	if revision != nil && *revision != *f.config.RevisionId {
		return apiFailure("PreconditionFailedException", "The Revision Id provided does not match")
	}
	was := f.config
	change(&f.config)
	c.revise(f)
	f.config.LastUpdateStatus = types.LastUpdateStatusInProgress
	if c.took < 0 {
		return nil // never ends
	}
	time.AfterFunc(c.took, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if f.failing {
			f.failing, f.config = false, was
			f.config.LastUpdateStatus = types.LastUpdateStatusFailed
			f.config.LastUpdateStatusReasonCode = types.LastUpdateStatusReasonCodeInternalError
			f.config.LastUpdateStatusReason = aws.String("try later")
		} else {
			f.config.LastUpdateStatus = types.LastUpdateStatusSuccessful
		}
		c.revise(f)
	})
	return nil
}

func (c *cloud) revise(f *function) {
	f.revision++
	f.config.RevisionId = aws.String(fmt.Sprint("r", f.revision))
}

func (c *cloud) UpdateFunctionCode(_ context.Context, in *sdk.UpdateFunctionCodeInput, _ ...func(*sdk.Options)) (*sdk.UpdateFunctionCodeOutput, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, err := c.call("code", *in.FunctionName)
	if err != nil {
		return nil, err
	}
	return &sdk.UpdateFunctionCodeOutput{}, c.update(f, in.RevisionId, func(config *types.FunctionConfiguration) {
		config.CodeSha256, config.Architectures = aws.String(digestOf(in.ZipFile)), in.Architectures
	})
}

func (c *cloud) UpdateFunctionConfiguration(_ context.Context, in *sdk.UpdateFunctionConfigurationInput, _ ...func(*sdk.Options)) (*sdk.UpdateFunctionConfigurationOutput, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, err := c.call("config", *in.FunctionName)
	if err != nil {
		return nil, err
	}
	return &sdk.UpdateFunctionConfigurationOutput{}, c.update(f, in.RevisionId, func(config *types.FunctionConfiguration) {
		config.Runtime, config.Handler = in.Runtime, in.Handler
	})
}

// zips writes a real bundle and returns it with the goal of deploying it.
func zips(t *testing.T) lambda.Zips {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"lambda", "bootstrap"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!"+name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b, err := bundle.NewPacker(dir).Pack(t.Context(), "f", map[build.Binary]string{
		build.Lambda: filepath.Join(dir, "lambda"), build.Bootstrap: filepath.Join(dir, "bootstrap"),
	})
	if err != nil {
		t.Fatal(err)
	}
	digests.Store(digestKey(t, b.Dual), b.Dual.CodeSha256)
	digests.Store(digestKey(t, b.Bootstrap), b.Bootstrap.CodeSha256)
	return b
}

// digests finds the CodeSha256 of zip bytes that a test has written.
var digests sync.Map

func digestKey(t *testing.T, p *lambda.Package) string {
	data, err := p.Read()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func digestOf(zip []byte) string {
	digest, _ := digests.Load(string(zip))
	return digest.(string)
}

// functions are to be deployed.
func functions(b lambda.Zips, names ...string) []*fleet.Function {
	var list []*fleet.Function
	for _, name := range names {
		f := goal{dual: true, zips: b, settle: time.Minute}.function(lambda.State{})
		f.FunctionName = name
		list = append(list, f)
	}
	return list
}

// run observes and applies, as a command does.
func run(ctx context.Context, c Client, opts Options, functions []*fleet.Function) error {
	return runAtOnce(ctx, c, opts, 1024, functions)
}

// runAtOnce is run for some functions at the same time.
func runAtOnce(ctx context.Context, c Client, opts Options, limit int, functions []*fleet.Function) error {
	r := New(c, opts)
	fleet.Each(functions, limit, func(f *fleet.Function) { r.Observe(ctx, f) })
	fleet.Each(functions, limit, func(f *fleet.Function) { r.Apply(ctx, f) })
	return fleet.Errors(functions)
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestApply(t *testing.T) {
	b := zips(t)
	migrated := []string{
		"0s get a", "0s code a", "1s get a", // 60 s of settling
		"61s get a", "61s config a", "62s get a",
	}
	tests := []struct {
		name    string
		prepare func(*cloud)
		single  bool // Dual is off
		calls   []string
		err     string
		runtime types.Runtime // in the end
	}{
		{name: "a migration", calls: migrated, runtime: types.RuntimeProvidedal2023},
		{name: "a migration with dual off", single: true, calls: migrated, runtime: types.RuntimeProvidedal2023},
		{
			name: "nothing to do",
			prepare: func(c *cloud) {
				f := &c.functions["a"].config
				f.Runtime, f.Handler, f.CodeSha256 = types.RuntimeProvidedal2023, aws.String("bootstrap"), &b.Dual.CodeSha256
			},
			calls: []string{"0s get a"}, runtime: types.RuntimeProvidedal2023,
		},
		{
			name: "an update is in progress",
			prepare: func(c *cloud) {
				_ = c.update(c.functions["a"], nil, func(*types.FunctionConfiguration) {})
			},
			calls: []string{
				"0s get a", "1s get a", "1s code a", "2s get a",
				"62s get a", "62s config a", "63s get a",
			},
			runtime: types.RuntimeProvidedal2023,
		},
		{
			name: "another update gets in the way, and ends",
			prepare: func(c *cloud) {
				var once sync.Once
				c.before = func(call, name string) error {
					if call == "code" {
						once.Do(func() {
							_ = c.update(c.functions[name], nil, func(f *types.FunctionConfiguration) { f.Description = aws.String("new") })
						})
					}
					return nil
				}
			},
			calls: []string{
				"0s get a", "0s code a", "1s get a", "1s code a", "2s get a",
				"62s get a", "62s config a", "63s get a",
			},
			runtime: types.RuntimeProvidedal2023,
		},
		{
			name: "somebody else's deploy gets in the way, and ends",
			prepare: func(c *cloud) {
				var once sync.Once
				c.before = func(call, name string) error {
					if call == "code" {
						once.Do(func() {
							_ = c.update(c.functions[name], nil, func(f *types.FunctionConfiguration) { f.CodeSha256 = aws.String("theirs") })
						})
					}
					return nil
				}
			},
			calls: []string{"0s get a", "0s code a", "1s get a"},
			err:   `updating the code of "a": somebody else has changed the function (CodeSha256 old → theirs, RevisionId r0 → r2); run the command again when they are done`, runtime: types.RuntimeGo1x,
		},
		{
			name: "an update gets in the way twice, long after one another",
			prepare: func(c *cloud) {
				seen := map[string]bool{}
				c.took = 9 * time.Minute
				c.before = func(call, name string) error {
					if call != "get" && !seen[call] {
						seen[call] = true
						_ = c.update(c.functions[name], nil, func(f *types.FunctionConfiguration) { f.Description = aws.String(call) })
					}
					return nil
				}
			},
			runtime: types.RuntimeProvidedal2023,
		},
		{
			name: "other updates stay in the way",
			prepare: func(c *cloud) {
				c.before = func(call, _ string) error {
					if call == "code" {
						return apiFailure("ResourceConflictException", "An update is in progress")
					}
					return nil
				}
			},
			err: `updating the code of "a": ResourceConflictException: An update is in progress`, runtime: types.RuntimeGo1x,
		},
		{
			name: "somebody else deploys between the read and the write",
			prepare: func(c *cloud) {
				c.before = func(call, name string) error {
					if f := c.functions[name]; call == "code" && f.revision == 0 {
						f.config.CodeSha256 = aws.String("theirs")
						c.revise(f)
					}
					return nil
				}
			},
			calls: []string{"0s get a", "0s code a", "0s get a"},
			err:   `updating the code of "a": somebody else has changed the function (CodeSha256 old → theirs, RevisionId r0 → r1); run the command again when they are done`, runtime: types.RuntimeGo1x,
		},
		{
			name: "somebody else deploys after the write",
			prepare: func(c *cloud) {
				c.before = func(call, name string) error {
					if f := c.functions[name]; call == "get" && f.revision == 2 {
						f.config.CodeSha256 = aws.String("theirs")
						c.revise(f)
					}
					return nil
				}
			},
			calls: []string{"0s get a", "0s code a", "1s get a"},
			err:   `updating the code of "a": somebody else has changed the function (CodeSha256 old → theirs, RevisionId r0 → r3); run the command again when they are done`, runtime: types.RuntimeGo1x,
		},
		{
			name: "the answer to an update is lost and it is sent again",
			prepare: func(c *cloud) {
				var once sync.Once
				c.before = func(call, name string) error {
					if call == "code" {
						once.Do(func() {
							_ = c.update(c.functions[name], nil, func(f *types.FunctionConfiguration) { f.CodeSha256 = &b.Dual.CodeSha256 })
						})
					}
					return nil
				}
			},
			calls: migrated, runtime: types.RuntimeProvidedal2023,
		},
		{
			name: "the answer is lost, and the second comes when all is done",
			prepare: func(c *cloud) {
				c.before = func(call, name string) error {
					if f := c.functions[name]; call == "code" && f.revision == 0 {
						f.config.CodeSha256 = &b.Dual.CodeSha256
						c.revise(f)
					}
					return nil
				}
			},
			calls:   []string{"0s get a", "0s code a", "0s get a", "60s get a", "60s config a", "61s get a"},
			runtime: types.RuntimeProvidedal2023,
		},
		{
			name: "somebody else changes something while it settles",
			prepare: func(c *cloud) {
				time.AfterFunc(30*time.Second, func() {
					c.mu.Lock()
					defer c.mu.Unlock()
					c.revise(c.functions["a"])
				})
			},
			calls:   []string{"0s get a", "0s code a", "1s get a", "61s get a", "121s get a", "121s config a", "122s get a"},
			runtime: types.RuntimeProvidedal2023,
		},
		{
			name: "somebody else deploys while it settles",
			prepare: func(c *cloud) {
				time.AfterFunc(30*time.Second, func() {
					c.mu.Lock()
					defer c.mu.Unlock()
					c.functions["a"].config.CodeSha256 = aws.String("theirs")
					c.revise(c.functions["a"])
				})
			},
			calls:   []string{"0s get a", "0s code a", "1s get a", "61s get a"},
			err:     `settling "a": somebody else has changed the function (CodeSha256 ` + b.Dual.CodeSha256 + ` → theirs, RevisionId r2 → r3); run the command again when they are done`,
			runtime: types.RuntimeGo1x,
		},
		{
			name:    "the update fails",
			prepare: func(c *cloud) { c.functions["a"].failing = true },
			calls:   []string{"0s get a", "0s code a", "1s get a"},
			err:     `waiting for the update of "a": InternalError: try later`, runtime: types.RuntimeGo1x,
		},
		{
			name: "the update before failed",
			prepare: func(c *cloud) {
				f := &c.functions["a"].config
				f.LastUpdateStatus, f.Runtime, f.Handler, f.CodeSha256 = types.LastUpdateStatusFailed, types.RuntimeProvidedal2023, aws.String("bootstrap"), &b.Dual.CodeSha256
			},
			calls: []string{"0s get a", "0s code a", "1s get a"}, runtime: types.RuntimeProvidedal2023,
		},
		{
			name:    "the update never ends",
			prepare: func(c *cloud) { c.took = -1 },
			err:     `waiting for the update of "a": it is still in progress after 10m0s`, runtime: types.RuntimeGo1x,
		},
		{
			name: "access is denied while it waits",
			prepare: func(c *cloud) {
				c.before = func(call, name string) error {
					if call == "get" && c.functions[name].revision > 0 {
						return apiFailure("AccessDeniedException", "not authorized")
					}
					return nil
				}
			},
			calls: []string{"0s get a", "0s code a", "1s get a"},
			err:   `waiting for the update of "a": AccessDeniedException: not authorized`, runtime: types.RuntimeGo1x,
		},
		{
			name:    "it is not there",
			prepare: func(c *cloud) { delete(c.functions, "a") },
			calls:   []string{"0s get a"},
			err:     `reading "a": ResourceNotFoundException: Function not found: a; create the function, or correct its name in lambdas.json`,
		},
		{
			name:    "it is refused",
			prepare: func(c *cloud) { c.functions["a"].config.Runtime = types.RuntimeNodejs22x },
			calls:   []string{"0s get a"},
			err:     `refusing to deploy "a": its runtime is nodejs22.x; dualboot deploys to go1.x and provided.*: remove it from lambdas.json`, runtime: types.RuntimeNodejs22x,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCloud("a")
				if test.prepare != nil {
					test.prepare(c)
				}
				list := functions(b, "a")
				list[0].Dual = !test.single
				_ = run(t.Context(), c, Options{}, list)
				if got := message(list[0].Err); got != test.err {
					t.Errorf("error\n%s\nwant\n%s", got, test.err)
				}
				if diff := cmp.Diff(test.calls, c.calls); diff != "" && test.calls != nil {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
				if f := c.functions["a"]; f != nil && f.config.Runtime != test.runtime && c.took > 0 {
					t.Errorf("it ends on %s, want %s", f.config.Runtime, test.runtime)
				}
				time.Sleep(time.Hour) // let updates end

				// Running it again finishes, unless it was refused or is in
				// somebody's way.
				if f := c.functions["a"]; f != nil && c.before == nil && c.took > 0 && lambda.IsProvided(string(f.config.Runtime)) {
					before := len(c.calls)
					if err := run(t.Context(), c, Options{}, functions(b, "a")); err != nil {
						t.Errorf("again: %v", err)
					}
					if again := c.calls[before:]; len(again) != 1 {
						t.Errorf("calls of a second run: %v, want one read", again)
					}
				}
			})
		})
	}
}

func TestRollback(t *testing.T) {
	later := func(c *cloud, after time.Duration, change func(*types.FunctionConfiguration)) {
		time.AfterFunc(after, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			change(&c.functions["a"].config)
			c.revise(c.functions["a"])
		})
	}
	for _, test := range []struct {
		name    string
		prepare func(*cloud)
		calls   []string
		err     string
		runtime types.Runtime // in the end
	}{
		{
			name:  "a rollback",
			calls: []string{"0s get a", "0s zip dual", "60s get a", "60s zip dual", "60s config a", "61s get a"}, runtime: types.RuntimeGo1x,
		},
		{
			name: "somebody cleans up while it settles",
			prepare: func(c *cloud) {
				later(c, 30*time.Second, func(f *types.FunctionConfiguration) { f.CodeSha256 = aws.String("bootstrap") })
			},
			calls: []string{"0s get a", "0s zip dual", "60s get a"},
			err:   `settling "a": somebody else has changed the function (CodeSha256 dual → bootstrap, RevisionId r2 → r3); run the command again when they are done`, runtime: types.RuntimeProvidedal2023,
		},
		{
			name: "somebody changes something else while it settles",
			prepare: func(c *cloud) {
				later(c, 30*time.Second, func(f *types.FunctionConfiguration) { f.MemorySize = aws.Int32(256) })
			},
			calls: []string{
				"0s get a", "0s zip dual", "60s get a", "60s zip dual", "120s get a", "120s zip dual", "120s config a", "121s get a",
			},
			runtime: types.RuntimeGo1x,
		},
		{
			name: "somebody cleans up right before the switch",
			prepare: func(c *cloud) {
				c.before = func(call, name string) error {
					if f := c.functions[name]; call == "config" && f.revision == 2 {
						f.config.CodeSha256 = aws.String("bootstrap")
						c.revise(f)
					}
					return nil
				}
			},
			calls: []string{"0s get a", "0s zip dual", "60s get a", "60s zip dual", "60s config a", "60s get a", "60s zip bootstrap"},
			err:   `refusing to roll back "a": the deployed zip (bootstrap) has no lambda, which go1.x starts; set "dual" to true in lambdas.json and deploy it first`, runtime: types.RuntimeProvidedal2023,
		},
		{
			name: "a cleanup is in progress",
			prepare: func(c *cloud) {
				c.mu.Lock()
				defer c.mu.Unlock()
				_ = c.update(c.functions["a"], nil, func(f *types.FunctionConfiguration) { f.CodeSha256 = aws.String("bootstrap") })
			},
			calls: []string{"0s get a", "1s get a", "1s zip bootstrap"},
			err:   `refusing to roll back "a": the deployed zip (bootstrap) has no lambda, which go1.x starts; set "dual" to true in lambdas.json and deploy it first`, runtime: types.RuntimeProvidedal2023,
		},
		{
			name:    "it is back",
			prepare: func(c *cloud) { c.functions["a"] = newCloud("a").functions["a"] },
			calls:   []string{"0s get a"}, runtime: types.RuntimeGo1x,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCloud("a")
				f := c.functions["a"]
				// The switch has just come to its end.
				f.config.Runtime, f.config.Handler, f.config.CodeSha256 = types.RuntimeProvidedal2023, aws.String("bootstrap"), aws.String("dual")
				f.revision, f.config.RevisionId = 2, aws.String("r2")
				c.start = time.Now()
				if test.prepare != nil {
					test.prepare(c)
				}
				list := functions(lambda.Zips{}, "a")
				list[0].Goal = fleet.Goal{Action: fleet.Rollback, Previous: lambda.Go1x, Settle: time.Minute}
				_ = run(t.Context(), c, Options{HTTP: c}, list)
				if got := message(list[0].Err); got != test.err {
					t.Errorf("error\n%s\nwant\n%s", got, test.err)
				}
				if diff := cmp.Diff(test.calls, c.calls); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
				time.Sleep(time.Hour) // let updates end
				c.mu.Lock()
				defer c.mu.Unlock()
				if got := c.functions["a"].config.Runtime; got != test.runtime {
					t.Errorf("it ends on %s, want %s", got, test.runtime)
				}
			})
		})
	}
}

func TestWaitBacksOff(t *testing.T) {
	b := zips(t)
	synctest.Test(t, func(t *testing.T) {
		c := newCloud("a")
		c.took = 30 * time.Second
		_ = run(t.Context(), c, Options{}, functions(b, "a"))
		want := []string{"0s get a", "0s code a", "1s get a", "1.5s get a", "2.25s get a", "3.375s get a", "5.0625s get a", "7.59375s get a", "11.390625s get a", "16.390625s get a", "21.390625s get a"}
		if got := c.calls[:len(want)]; !slices.Equal(got, want) {
			t.Errorf("calls %v, want %v", got, want)
		}
	})
}

func TestInterrupt(t *testing.T) {
	b := zips(t)
	t.Run("while it settles", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newCloud("a", "b")
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			err := runAtOnce(ctx, c, Options{}, 1, functions(b, "a", "b"))
			want := `2 of 2 functions failed:
  - settling "a": interrupted; left to do: settle for 1m0s, switch to provided.al2023, handler bootstrap
  - updating the code of "b": interrupted; left to do: update the code (bootstrap + lambda, 0.0 MB), settle for 1m0s, switch to provided.al2023, handler bootstrap`
			if message(err) != want {
				t.Errorf("error\n%v\nwant\n%s", err, want)
			}
			if !errors.Is(err, fleet.ErrInterrupted) {
				t.Error("it is not an fleet.ErrInterrupted")
			}
			if len(c.calls) != 4 {
				t.Errorf("calls: %v, want two reads, an update and a look at it", c.calls)
			}
		})
	})
	t.Run("a call in flight finishes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := &slow{cloud: newCloud("a"), during: func() { cancel(); time.Sleep(3 * time.Second) }}
			r := New(c, Options{})
			got := functions(b, "a")[0]
			r.Observe(t.Context(), got)
			r.Apply(ctx, got)
			if len(got.Done) != 1 || !errors.Is(got.Err, fleet.ErrInterrupted) {
				t.Errorf("done %v, error %v; want the update done and the rest interrupted", got.Done, got.Err)
			}
		})
	})
	t.Run("a call in flight is given up after the grace", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			c := &slow{cloud: newCloud("a"), during: func() { cancel(); time.Sleep(time.Minute) }}
			r := New(c, Options{})
			got := functions(b, "a")[0]
			r.Observe(t.Context(), got)
			start := time.Now()
			r.Apply(ctx, got)
			if !errors.Is(got.Err, context.Canceled) || time.Since(start) != 4*time.Second {
				t.Errorf("error %v after %v, want it canceled after 4 s", got.Err, time.Since(start))
			}
			time.Sleep(time.Minute)
		})
	})
}

// slow is a cloud in which something happens during an update of the code.
type slow struct {
	*cloud
	during func()
}

func (s *slow) UpdateFunctionCode(ctx context.Context, in *sdk.UpdateFunctionCodeInput, o ...func(*sdk.Options)) (*sdk.UpdateFunctionCodeOutput, error) {
	over := make(chan struct{})
	go func() { s.during(); close(over) }()
	select {
	case <-over:
		return s.cloud.UpdateFunctionCode(ctx, in, o...)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestFleet(t *testing.T) {
	b := zips(t)
	synctest.Test(t, func(t *testing.T) {
		names := []string{"a", "b", "c", "d", "e", "f"}
		c := newCloud(names...)
		delete(c.functions, "b")
		c.functions["d"].failing = true
		c.functions["e"].config.PackageType = types.PackageTypeImage
		all := functions(b, names...)
		all[5].Fail(fleet.Building, "building", errors.New("go build of bootstrap:\n# example.com/f\nf/main.go:3:1: syntax error"))

		err := run(t.Context(), c, Options{}, all)
		want := `4 of 6 functions failed:
  - reading "b": ResourceNotFoundException: Function not found: b; create the function, or correct its name in lambdas.json
  - waiting for the update of "d": InternalError: try later
  - refusing to deploy "e": its package type is Image; dualboot deploys zips: remove it from lambdas.json
  - building "f": go build of bootstrap:
    # example.com/f
    f/main.go:3:1: syntax error`
		if message(err) != want {
			t.Errorf("error\n%v\nwant\n%s", err, want)
		}
		multi, ok := errors.AsType[*multierror.Error](err)
		if !ok || len(multi.Errors) != 4 {
			t.Errorf("error is a %T, want a *multierror.Error of 4", err)
		}
		for _, name := range []string{"a", "c"} {
			if got := c.functions[name].config.Runtime; got != types.RuntimeProvidedal2023 {
				t.Errorf("%s is on %s", name, got)
			}
		}
		for _, call := range c.calls {
			if strings.HasSuffix(call, " code f") || strings.HasSuffix(call, " config f") {
				t.Errorf("a function that does not build was updated: %s", call)
			}
		}
		// All functions settle at once, not one after another.
		if took := time.Since(c.start); took > 63*time.Second {
			t.Errorf("the fleet took %v, want the time of one function", took)
		}
	})
}

func TestConcurrency(t *testing.T) {
	b := zips(t)
	synctest.Test(t, func(t *testing.T) {
		names := []string{"a", "b", "c", "d"}
		c := newCloud(names...)
		if err := runAtOnce(t.Context(), c, Options{}, 2, functions(b, names...)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(c.start); took != 2*62*time.Second {
			t.Errorf("4 functions, 2 at once, took %v, want %v", took, 2*62*time.Second)
		}
	})
}
