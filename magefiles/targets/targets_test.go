package targets_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/emulator"
)

// magefile is the program that mage -compile makes of the repository, and
// samples are its functions; both are made once.
var (
	magefile string
	samples  = []string{"example-api", "order-stream", "inventory-table", "nightly-report"}
)

const repository = "../.."

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "dualboot-test-")
	if err != nil {
		panic(err)
	}
	magefile = filepath.Join(dir, "magefile")
	code := 1
	if err := compile(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// compile builds magefile from a copy, since mage writes into the checkout that
// it compiles.
func compile(dir string) error {
	checkout := filepath.Join(dir, "checkout")
	if err := clone(checkout, "go.mod", "go.sum", "magefiles"); err != nil {
		return err
	}
	flags := "GOFLAGS=-trimpath"
	if os.Getenv("GOCOVERDIR") != "" {
		// The program writes its coverage there, but only if its main package is
		// covered too. Mage compiles that from files.
		flags += " -cover -coverpkg=command-line-arguments,example.com/dualboot/magefiles/..."
	}
	cmd := exec.Command("go", "tool", "mage", "-compile", magefile)
	cmd.Dir = checkout
	cmd.Env = append(os.Environ(), flags)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mage -compile: %w\n%s", err, out)
	}
	return nil
}

// clone copies parts of the repository into a directory.
func clone(dir string, parts ...string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, part := range parts {
		from, to := filepath.Join(repository, part), filepath.Join(dir, part)
		info, err := os.Stat(from)
		if err != nil {
			return err
		}
		if info.IsDir() {
			if err := os.CopyFS(to, os.DirFS(from)); err != nil {
				return err
			}
			continue
		}
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := os.WriteFile(to, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// canRun reports whether this machine starts what is built for AWS.
var canRun = runtime.GOOS == build.AWS.OS && runtime.GOARCH == build.AWS.Arch

// fixture is a repository of an adopter and an emulator to deploy it to.
type fixture struct {
	t      *testing.T
	dir    string
	server *emulator.Server
	client *lambda.Client
	stub   bool // the functions cannot be invoked

	mu     sync.Mutex
	served []emulator.Deployment
}

// newFixture returns one with some of the samples, in an environment called
// prod that settles quickly.
func newFixture(t *testing.T, options emulator.Options, names ...string) *fixture {
	t.Helper()
	f := startFixture(t, options)
	if err := clone(f.dir, "go.mod", "go.sum", "functions"); err != nil {
		t.Fatal(err)
	}
	f.manifest("300ms", names...)
	return f
}

// newStub returns one with functions that are small and cannot be invoked.
func newStub(t *testing.T, options emulator.Options, names ...string) *fixture {
	t.Helper()
	f := startFixture(t, options)
	f.stub = true
	f.write("go.mod", "module example.com/stub\n\ngo 1.26.0\n")
	for _, name := range names {
		f.write("functions/"+name+"/main.go", fmt.Sprintf("package main\n\nfunc main() { println(%q) }\n", name))
	}
	f.manifest("300ms", names...)
	return f
}

func startFixture(t *testing.T, options emulator.Options) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: filepath.Join(t.TempDir(), "repo")}
	options.Region, options.Account = "ap-northeast-1", "210987654321"
	options.OnServe = func(d emulator.Deployment) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.served = append(f.served, d)
	}
	server, err := emulator.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	f.server, f.client = server, lambda.NewFromConfig(server.Config())
	t.Cleanup(func() { server.Close() })
	f.write("../credentials", fmt.Sprintf("[our_prod]\naws_access_key_id = %s\naws_secret_access_key = %s\n[our_stg]\naws_access_key_id = %[1]s\naws_secret_access_key = %[2]s\n",
		server.Credentials().AccessKeyID, server.Credentials().SecretAccessKey))
	return f
}

// manifest writes lambdas.json.
func (f *fixture) manifest(settle string, names ...string) {
	f.t.Helper()
	var functions []string
	for _, name := range names {
		functions = append(functions, fmt.Sprintf(`    {"name": %q, "package": "./functions/%s"}`, name, name))
	}
	f.write("lambdas.json", fmt.Sprintf(`{
  "environments": {
    "prod": {"profile": "our_prod", "region": "ap-northeast-1", "prefix": "prod-", "account": "210987654321", "settle": %q},
    "stg": {"profile": "our_stg", "region": "ap-northeast-1", "prefix": "stg-", "account": "111111111111"}
  },
  "functions": [
%s
  ]
}
`, settle, strings.Join(functions, ",\n")))
}

func (f *fixture) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

func (f *fixture) write(name, content string) {
	f.t.Helper()
	if err := os.MkdirAll(filepath.Dir(f.path(name)), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(f.path(name), []byte(content), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) read(name string) string {
	f.t.Helper()
	data, err := os.ReadFile(f.path(name))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(data)
}

func (f *fixture) replace(name, old, new string) {
	f.t.Helper()
	content := f.read(name)
	if !strings.Contains(content, old) {
		f.t.Fatalf("%s does not contain %q:\n%s", name, old, content)
	}
	f.write(name, strings.Replace(content, old, new, 1))
}

// legacyZips are the zips with only lambda, as they stood before any migration.
var legacyZips = sync.OnceValues(func() (map[string][]byte, error) {
	var list []*build.Function
	for _, name := range samples {
		list = append(list, &build.Function{Name: name, Package: filepath.Join(repository, "functions", name), Binaries: []build.Binary{build.Lambda}})
	}
	dir, err := os.MkdirTemp("", "dualboot-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := build.Build(context.Background(), build.Options{Out: dir}, list); err != nil {
		return nil, err
	}
	zips := map[string][]byte{}
	for _, f := range list {
		file, err := bundle.Compress("lambda", f.Files[build.Lambda])
		if err != nil {
			return nil, errors.Join(err, f.Err)
		}
		pkg, err := bundle.Zip(filepath.Join(dir, f.Name+".zip"), file)
		if err != nil {
			return nil, err
		}
		if zips[f.Name], err = pkg.Read(); err != nil {
			return nil, err
		}
	}
	return zips, nil
})

// legacyZip is what a function is deployed with at first.
func (f *fixture) legacyZip(name string) []byte {
	f.t.Helper()
	if f.stub {
		return zipOf(f.t, "lambda")
	}
	zips, err := legacyZips()
	if err != nil {
		f.t.Fatal(err)
	}
	return zips[name]
}

// create makes functions on go1.x.
func (f *fixture) create(names ...string) {
	f.t.Helper()
	for _, name := range names {
		_, err := f.client.CreateFunction(f.t.Context(), &lambda.CreateFunctionInput{
			FunctionName: aws.String("prod-" + name),
			Runtime:      types.RuntimeGo1x,
			Handler:      aws.String("lambda"),
			Role:         aws.String("arn:aws:iam::210987654321:role/functions"),
			Code:         &types.FunctionCode{ZipFile: f.legacyZip(name)},
		})
		if err != nil {
			f.t.Fatal(err)
		}
	}
	for _, name := range names {
		waiter := lambda.NewFunctionActiveV2Waiter(f.client, func(o *lambda.FunctionActiveV2WaiterOptions) { o.MinDelay = 10 * time.Millisecond })
		if err := waiter.Wait(f.t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("prod-" + name)}, time.Minute); err != nil {
			f.t.Fatal(err)
		}
	}
}

// command is the magefile with arguments, ready to run against the emulator.
func (f *fixture) command(args ...string) *exec.Cmd {
	cmd := exec.Command(magefile, args...)
	cmd.Dir = f.dir
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "AWS_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env,
		"AWS_ENDPOINT_URL="+f.server.URL(),
		"AWS_CONFIG_FILE="+f.path("../credentials"),
		"AWS_SHARED_CREDENTIALS_FILE="+f.path("../credentials"),
	)
	return cmd
}

// run runs a target and returns its exit status and what it wrote.
func (f *fixture) run(args ...string) (status int, stdout, stderr string) {
	f.t.Helper()
	return result(f.t, f.command(args...))
}

func result(t *testing.T, cmd *exec.Cmd) (status int, stdout, stderr string) {
	t.Helper()
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), log.String()
}

// must runs a target that succeeds.
func (f *fixture) must(args ...string) (stdout, stderr string) {
	f.t.Helper()
	status, stdout, stderr := f.run(args...)
	if status != 0 {
		f.t.Fatalf("mage %v: exit status %d\n%s", args, status, stderr)
	}
	return stdout, stderr
}

// writes is how many update calls the emulator has had.
func (f *fixture) writes() int {
	calls := f.server.Calls()
	return calls["UpdateFunctionCode"] + calls["UpdateFunctionConfiguration"]
}

func (f *fixture) function(name string) *lambda.GetFunctionOutput {
	f.t.Helper()
	out, err := f.client.GetFunction(f.t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("prod-" + name)})
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

// deployed downloads the zip of a function and returns what is in it.
func (f *fixture) deployed(name string) []string {
	f.t.Helper()
	response, err := http.Get(aws.ToString(f.function(name).Code.Location))
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		f.t.Fatalf("%s: %v", data, err)
	}
	var files []string
	for _, file := range r.File {
		files = append(files, file.Name)
	}
	return files
}

// expect checks how functions stand, and that the samples answer.
func (f *fixture) expect(runtime, handler string, files []string, names ...string) {
	f.t.Helper()
	for _, name := range names {
		c := f.function(name).Configuration
		if string(c.Runtime) != runtime || aws.ToString(c.Handler) != handler || c.LastUpdateStatus != types.LastUpdateStatusSuccessful {
			f.t.Errorf("%s has runtime %s, handler %s, last update %s; want %s, %s, Successful", name, c.Runtime, aws.ToString(c.Handler), c.LastUpdateStatus, runtime, handler)
		}
		if got := f.deployed(name); !slices.Equal(got, files) {
			f.t.Errorf("%s has a zip of %v, want %v", name, got, files)
		}
		if !canRun || f.stub {
			continue
		}
		event, err := os.ReadFile(f.path("functions/" + name + "/testdata/event.json"))
		if err != nil {
			f.t.Fatal(err)
		}
		out, err := f.client.Invoke(f.t.Context(), &lambda.InvokeInput{FunctionName: aws.String("prod-" + name), Payload: event})
		if err != nil || out.FunctionError != nil {
			f.t.Errorf("%s answers %v, %s %s", name, err, aws.ToString(out.FunctionError), out.Payload)
		}
	}
}

// startable checks that nothing was ever deployed that could not start.
func (f *fixture) startable() {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.served {
		if !d.Startable() && d.Function != "prod-script" {
			f.t.Errorf("there was a moment with %+v", d)
		}
	}
}

var (
	onlyLambda    = []string{"lambda"}
	dual          = []string{"bootstrap", "lambda"}
	onlyBootstrap = []string{"bootstrap"}
)

func TestMigration(t *testing.T) {
	t.Parallel()
	names := []string{"example-api", "order-stream"}
	f := newFixture(t, emulator.Options{UpdateTime: 200 * time.Millisecond}, names...)
	f.create(names...)
	f.expect("go1.x", "lambda", onlyLambda, names...)

	stdout, stderr := f.must("deployProd")
	f.expect("provided.al2023", "bootstrap", dual, names...)
	if f.writes() != 2*len(names) {
		t.Errorf("%d updates, want 2 for each function", f.writes())
	}
	checkLines(t, stdout, names, `["UpdateFunctionCode","UpdateFunctionConfiguration"]`)
	for _, want := range []string{"prod-example-api: update the code (bootstrap + lambda, ", "prod-example-api: settle for 300ms", "2 changed, 0 unchanged, 0 failed"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("progress does not say %q:\n%s", want, stderr)
		}
	}
	if strings.ContainsRune(stdout+stderr, '\x1b') {
		t.Error("there are escape codes in the output")
	}

	before := f.writes()
	stdout, stderr = f.must("deploy", "prod")
	if f.writes() != before {
		t.Errorf("a second deploy made %d updates", f.writes()-before)
	}
	checkLines(t, stdout, names, `[]`)
	if !strings.Contains(stderr, "calls: 1 GetCallerIdentity, 2 GetFunction\n") {
		t.Errorf("a second deploy made other calls than one read for each function:\n%s", stderr)
	}

	manifest := f.read("lambdas.json")
	f.must("cleanup", "-force", "-only=prod-example-*")
	f.expect("provided.al2023", "bootstrap", onlyBootstrap, "example-api")
	f.expect("provided.al2023", "bootstrap", dual, "order-stream")
	if got := f.read("lambdas.json"); got != manifest {
		t.Errorf("cleanup of some functions has changed lambdas.json:\n%s", got)
	}
	if _, stderr := f.must("cleanup", "-force"); !strings.Contains(stderr, `lambdas.json: set "dual" of "prod" to false`) {
		t.Errorf("cleanup does not say that it has changed lambdas.json:\n%s", stderr)
	}
	f.expect("provided.al2023", "bootstrap", onlyBootstrap, names...)
	if got, want := f.read("lambdas.json"), strings.Replace(manifest, `"settle": "300ms"}`, `"settle": "300ms", "dual": false}`, 1); got != want {
		t.Errorf("cleanup makes lambdas.json\n%s\nwant\n%s", got, want)
	}

	before = f.writes()
	f.must("deployProd")
	f.must("cleanup", "-force")
	if f.writes() != before {
		t.Errorf("deploy and cleanup of what is clean made %d updates", f.writes()-before)
	}

	// A function that is still on go1.x gets the dual zip all the same.
	f.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("prod-order-stream")})
	f.create("order-stream")
	f.must("deployProd", "-only=order-stream")
	f.expect("provided.al2023", "bootstrap", dual, "order-stream")
	f.startable()
}

// checkLines checks the JSON lines of functions.
func checkLines(t *testing.T, stdout string, names []string, changes string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if len(lines) != len(names) {
		t.Fatalf("%d lines for %d functions:\n%s", len(lines), len(names), stdout)
	}
	for i, line := range lines {
		want := fmt.Sprintf(`{"FunctionName":"prod-%s","Runtime":"provided.al2023","Handler":"bootstrap","LastModified":"20`, names[i])
		if !strings.HasPrefix(line, want) || !strings.Contains(line, `"Changes":`+changes) || !json.Valid([]byte(line)) {
			t.Errorf("line %s\nwant it to begin with %s and have the changes %s", line, want, changes)
		}
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	f := newStub(t, emulator.Options{
		UpdateTime: 50 * time.Millisecond,
		FailUpdate: func(function, operation string) *emulator.Failure {
			if function == "prod-order-stream" && operation == "UpdateFunctionConfiguration" {
				return &emulator.Failure{Reason: "out of order", ReasonCode: "InternalError"}
			}
			return nil
		},
	}, samples...)
	f.create("example-api", "order-stream", "inventory-table") // nightly-report is missing
	f.write("functions/inventory-table/broken.go", "package main\n\nvar broken int = \"text\"\n")
	f.write("functions/script/main.go", "package main\n\nfunc main() {}\n")
	f.manifest("300ms", append(samples[:len(samples):len(samples)], "script")...)
	_, err := f.client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String("prod-script"), Runtime: types.RuntimeNodejs22x, Handler: aws.String("index.handler"),
		Role: aws.String("arn:aws:iam::210987654321:role/functions"), Code: &types.FunctionCode{ZipFile: zipOf(t, "index.js")},
	})
	if err != nil {
		t.Fatal(err)
	}

	status, stdout, stderr := f.run("deployProd")
	if status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	for _, want := range []string{
		"Error: 4 of 5 functions failed:\n",
		"\n  - waiting for the update of \"prod-order-stream\": InternalError: out of order\n",
		"\n  - building \"prod-inventory-table\": go build of lambda:\n    # example.com/stub/functions/inventory-table\n    functions/inventory-table/broken.go:3:18: cannot use \"text\"",
		"\n  - reading \"prod-nightly-report\": ResourceNotFoundException: Function not found: arn:aws:lambda:ap-northeast-1:210987654321:function:prod-nightly-report",
		"\n  - refusing to deploy \"prod-script\": its runtime is nodejs22.x; dualboot deploys to go1.x and provided.*: remove it from lambdas.json\n",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("the error does not say %q:\n%s", want, stderr)
		}
	}
	if lines := strings.Count(stdout, "\n"); lines != 5 {
		t.Errorf("%d lines, want one for each of 5 functions:\n%s", lines, stdout)
	}
	f.expect("provided.al2023", "bootstrap", dual, "example-api")
	if c := f.function("order-stream").Configuration; c.Runtime != types.RuntimeGo1x {
		t.Errorf("the function whose switch failed is on %s", c.Runtime)
	}

	// cleanup refuses what is still on go1.x, and leaves lambdas.json alone.
	manifest := f.read("lambdas.json")
	status, _, stderr = f.run("cleanup", "-force")
	if want := `refusing to clean up "prod-order-stream": it is still on go1.x, which starts lambda; deploy it first`; status != 1 || !strings.Contains(stderr, want) {
		t.Errorf("exit status %d, and the error does not say %q:\n%s", status, want, stderr)
	}
	f.expect("provided.al2023", "bootstrap", onlyBootstrap, "example-api")
	if f.read("lambdas.json") != manifest {
		t.Error("an incomplete cleanup has changed lambdas.json")
	}
	f.startable()
}

func zipOf(t *testing.T, name string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	header := &zip.FileHeader{Name: name}
	header.SetMode(0o755)
	if _, err := w.CreateHeader(header); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestNothingIsSent runs commands that must end before they change anything.
func TestNothingIsSent(t *testing.T) {
	t.Parallel()
	f := newStub(t, emulator.Options{}, samples...)
	f.create("example-api")
	manifest := f.read("lambdas.json")
	for _, test := range []struct {
		name    string
		prepare func(*exec.Cmd)
		args    []string
		status  int
		want    string
	}{
		{
			name: "unknown environment", args: []string{"deploy", "prd"}, status: 1,
			want: `lambdas.json:2:19: /environments: no environment "prd" (did you mean "prod"?)`,
		},
		{
			name: "no such function", args: []string{"deployProd", "-only=exmaple-api"}, status: 1,
			want: `did you mean "example-api"?`,
		},
		{
			name: "another account", args: []string{"deploy", "stg"}, status: 1,
			want: `the credentials belong to AWS account 210987654321, but environment "stg" is in account 111111111111; nothing was read or changed; use other credentials, or correct "account" in lambdas.json`,
		},
		{name: "another account, for a plan", args: []string{"plan", "-env=stg"}, status: 1, want: "nothing was read or changed"},
		{name: "another account, for an audit", args: []string{"audit", "-env=stg"}, status: 1, want: "nothing was read or changed"},
		{name: "another account, for a status", args: []string{"status", "-env=stg"}, status: 1, want: "nothing was read or changed"},
		{name: "another account, for a verify", args: []string{"verify", "-env=stg"}, status: 1, want: "nothing was read or changed"},
		{name: "another account, for a rollback", args: []string{"rollback", "-env=stg"}, status: 1, want: "nothing was read or changed"},
		{name: "another account, for a cleanup", args: []string{"cleanup", "-env=stg"}, status: 1, want: "nothing was read or changed"},
		{
			name: "refused credentials", args: []string{"status"}, status: 1,
			prepare: func(cmd *exec.Cmd) {
				f.write("../config", "[our_prod]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = hidden\n")
				cmd.Env = append(cmd.Env, "AWS_SHARED_CREDENTIALS_FILE="+f.path("../config"))
			},
			want: `AWS refuses the credentials of environment "prod"; run: aws sso login --profile our_prod (or: aws configure --profile our_prod) (InvalidClientTokenId: The security token included in the request is invalid. (request `,
		},
		{
			name: "expired SSO", args: []string{"plan"}, status: 1,
			prepare: func(cmd *exec.Cmd) {
				f.write("../config", "[profile our_prod]\nsso_session = us\nsso_account_id = 210987654321\nsso_role_name = dev\n[sso-session us]\nsso_region = us-east-1\nsso_start_url = https://example.awsapps.com/start\n")
				token := fmt.Sprintf("../home/.aws/sso/cache/%x.json", sha1.Sum([]byte("us")))
				f.write(token, `{"accessToken": "hidden", "expiresAt": "2024-01-01T00:00:00Z"}`)
				cmd.Env = append(cmd.Env, "HOME="+f.path("../home"), "AWS_CONFIG_FILE="+f.path("../config"), "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
			},
			want: `no AWS credentials for environment "prod"; run: aws sso login --profile our_prod`,
		},
		{
			name: "no region", args: []string{"status"}, status: 1,
			prepare: func(*exec.Cmd) {
				f.write("lambdas.json", strings.ReplaceAll(manifest, `"region": "ap-northeast-1", `, ""))
			},
			want: `no AWS region for environment "prod"; run: export AWS_REGION=NAME, or add its region to lambdas.json`,
		},
		{name: "two plans", args: []string{"plan", "-cleanup", "-rollback"}, status: 1, want: "-cleanup and -rollback are two plans; pass one of them"},
		{name: "force without a cleanup", args: []string{"plan", "-force"}, status: 1, want: "-force goes with -cleanup"},
		{name: "a runtime without a rollback", args: []string{"plan", "-runtime=go1.x"}, status: 1, want: "-runtime goes with -rollback"},
		{name: "an audit of nothing", args: []string{"audit", "-only=zzz"}, status: 1, want: `no function of account 210987654321 in ap-northeast-1 matches "zzz"`},
		{name: "an audit of a typo", args: []string{"audit", "-only=prod-*,zzz"}, status: 1, want: `no function of account 210987654321 in ap-northeast-1 matches "zzz"`},
		{
			name: "no profile of the shell", args: []string{"status"}, status: 1,
			prepare: func(cmd *exec.Cmd) {
				f.write("lambdas.json", strings.ReplaceAll(manifest, `"profile": "our_prod", `, ""))
				cmd.Env = append(cmd.Env, "AWS_PROFILE=nobody")
			},
			want: `there is no AWS profile "nobody", which environment "prod" uses; run: aws configure --profile nobody (or: aws configure sso --profile nobody)`,
		},
		{
			name: "no way to AWS", args: []string{"status"}, status: 1,
			prepare: func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL=http://127.0.0.1:1") },
			want:    `calling GetCallerIdentity for environment "prod": `,
		},
		{name: "an environment with a bad name", args: []string{"init", "-env=BAD"}, status: 1, want: `"BAD" is not an environment name`, prepare: func(*exec.Cmd) { os.Remove(f.path("lambdas.json")) }},
		{name: "rollback to nowhere", args: []string{"rollback", "-runtime=nodejs22.x"}, status: 1, want: `-runtime is "nodejs22.x"; pass one of go1.x, provided.al2, provided`},
		{name: "a second manifest", args: []string{"init"}, status: 1, want: "lambdas.json already exists, and init only writes the first one; edit it, or move it away"},
		{name: "no Terraform", args: []string{"terraform"}, status: 1, want: `which directory has the Terraform files of environment "prod"? pass -dir=, or add it as "terraform" to lambdas.json`},
		{
			name: "no profile", args: []string{"deployProd"}, status: 1,
			prepare: func(cmd *exec.Cmd) {
				cmd.Env = append(cmd.Env, "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_ACCESS_KEY_ID=AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret")
			},
			want: `there is no AWS profile "our_prod", which environment "prod" uses; run: aws configure --profile our_prod`,
		},
		{
			name: "no credentials", args: []string{"deployProd"}, status: 1,
			prepare: func(cmd *exec.Cmd) {
				f.write("../config", "[profile our_prod]\n")
				cmd.Env = append(cmd.Env, "AWS_CONFIG_FILE="+f.path("../config"), "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true")
			},
			want: `no AWS credentials for environment "prod"; run: aws sso login --profile our_prod (`,
		},
		{name: "empty pattern", args: []string{"deployProd", "-only="}, status: 1, want: "-only is empty; leave it out to choose all functions"},
		{name: "no concurrency", args: []string{"cleanup", "-concurrency=-1"}, status: 1, want: "-concurrency is -1; pass a number above 0"},
		{
			name: "broken manifest", args: []string{"cleanup"}, status: 1,
			prepare: func(*exec.Cmd) {
				f.write("lambdas.json", strings.NewReplacer(`"profile"`, `"Profile"`, "./functions/order-stream", "./functions/order").Replace(manifest))
			},
			want: `lambdas.json:3:14: /environments/prod/Profile: unknown member "Profile" (write "profile", in lower case)`,
		},
		{
			name: "no manifest", args: []string{"deployProd"}, status: 1,
			prepare: func(cmd *exec.Cmd) { cmd.Dir = t.TempDir() },
			want:    "lambdas.json: no such file or directory (run from the directory that contains it, or create one with mage init)",
		},
		{name: "no environment", args: []string{"deploy"}, status: 2, want: "not enough arguments for target"},
		{name: "no such flag", args: []string{"deployProd", "-force"}, status: 2, want: `"-force"`},
		{name: "no such pattern", args: []string{"zip", "-only=[a"}, status: 1, want: "syntax error in pattern"},
	} {
		t.Run(test.name, func(t *testing.T) {
			defer f.write("lambdas.json", manifest)
			cmd := f.command(test.args...)
			if test.prepare != nil {
				test.prepare(cmd)
			}
			status, stdout, stderr := result(t, cmd)
			if status != test.status || !strings.Contains(stderr, test.want) || stdout != "" {
				t.Errorf("exit status %d, want %d and %q:\n%s%s", status, test.status, test.want, stdout, stderr)
			}
		})
	}
	if f.writes() > 0 {
		t.Errorf("there were %d updates", f.writes())
	}
	if _, err := os.Stat(f.path("bin")); err == nil {
		t.Error("something was built")
	}
}

func TestOffline(t *testing.T) {
	t.Parallel()
	f := newFixture(t, emulator.Options{}, "example-api", "order-stream")
	stdout, _ := f.must("build", "-only=example-api")
	var built struct {
		Name     string
		Binaries map[string]string
	}
	if err := json.Unmarshal([]byte(stdout), &built); err != nil {
		t.Fatal(err)
	}
	for _, binary := range []string{"lambda", "bootstrap"} {
		if _, err := os.Stat(f.path(built.Binaries[binary])); err != nil {
			t.Error(err)
		}
	}
	stdout, _ = f.must("zip")
	if n := strings.Count(stdout, "\n"); n != 2 {
		t.Errorf("%d lines, want one a function:\n%s", n, stdout)
	}
	for _, name := range []string{"example-api", "order-stream"} {
		for _, file := range []string{"lambda.zip", "bootstrap.zip"} {
			if _, err := zip.OpenReader(f.path("bin/" + name + "/" + file)); err != nil {
				t.Error(err)
			}
		}
	}
	if calls := f.server.Calls(); len(calls) > 0 {
		t.Errorf("building called AWS: %v", calls)
	}

	// Another checkout, at another commit, gives the same zips.
	other := newFixture(t, emulator.Options{}, "example-api", "order-stream")
	other.write("README.md", "another commit\n")
	if git, err := exec.LookPath("git"); err == nil {
		for _, args := range [][]string{{"init", "-q"}, {"add", "README.md"}, {"-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "m"}} {
			cmd := exec.Command(git, args...)
			cmd.Dir = other.dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("git %v: %v\n%s", args, err, out)
			}
		}
	}
	if again, _ := other.must("zip"); again != stdout {
		t.Errorf("another checkout gives\n%swant\n%s", again, stdout)
	}
}
