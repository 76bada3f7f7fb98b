package targets_test

import (
	"cmp"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/rogpeppe/go-internal/testscript"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/emulator"
)

// TestScript runs the scripts in testdata/script. README.md there describes their
// commands. With -update it writes what the commands print into the scripts.
func TestScript(t *testing.T) {
	t.Parallel()
	plain := map[string]func(*script, []string) error{
		"account":  (*script).emulate,
		"age":      (*script).age,
		"answers":  (*script).answers,
		"before":   (*script).before,
		"built":    (*script).built,
		"checkout": (*script).checkout,
		"cloud":    (*script).cloud,
		"create":   (*script).create,
		"delete":   (*script).delete,
		"deployed": (*script).deployed,
		"exits":    (*script).exits,
		"fields":   (*script).fields,
		"in":       (*script).in,
		"invoke":   (*script).invoke,
		"legacy":   (*script).legacy,
		"maps":     (*script).maps,
		"mapped":   (*script).mapped,
		"replace":  (*script).replace,
		"samples":  (*script).samples,
		"stubs":    (*script).stubs,
		"updates":  (*script).updates,
		"wrap":     (*script).wrap,
		"zipped":   (*script).zipped,
	}
	commands := map[string]func(*testscript.TestScript, bool, []string){
		"mage": func(ts *testscript.TestScript, neg bool, args []string) {
			status := 0
			if neg {
				status = 1
			}
			ts.Check(current(ts).mage(status, args))
		},
	}
	for name, run := range plain {
		commands[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			if neg {
				ts.Fatalf("%s cannot be negated", name)
			}
			ts.Check(run(current(ts), args))
		}
	}
	testscript.Run(t, testscript.Params{
		Dir:                filepath.Join("testdata", "script"),
		Setup:              func(env *testscript.Env) error { return setup(t, env) },
		Cmds:               commands,
		RequireUniqueNames: true,
		UpdateScripts:      *update,
		Condition: func(condition string) (bool, error) {
			if condition == "canrun" {
				return canRun, nil
			}
			return false, fmt.Errorf("unknown condition %q", condition)
		},
	})
}

// script is what the commands of one script share.
type script struct {
	*testscript.TestScript
	t       *testing.T
	account *account
	places  *emulator.Cloud // to which the account belongs, or nil
	dir     string
	sampled bool // the functions are samples
	seen    int  // updates that were counted
}

type scriptKey struct{}

func current(ts *testscript.TestScript) *script {
	s := ts.Value(scriptKey{}).(*script)
	s.TestScript = ts
	return s
}

// goEnvironment returns the settings of the go command that depend on the home
// directory, which scripts do not have.
var goEnvironment = sync.OnceValues(func() ([]string, error) {
	var list []string
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOTOOLCHAIN"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			return nil, fmt.Errorf("go env %s: %w", name, err)
		}
		list = append(list, name+"="+strings.TrimSpace(string(value)))
	}
	return list, nil
})

func setup(t *testing.T, env *testscript.Env) error {
	variables, err := goEnvironment()
	if err != nil {
		return err
	}
	program, err := magefile()
	if err != nil {
		return err
	}
	env.Vars = append(append(env.Vars, variables...), "MAGEFILE="+program, "MAGEFILE_CACHE="+filepath.Join(env.WorkDir, ".magefile"), noCgo)
	env.Values[scriptKey{}] = &script{t: t, dir: env.WorkDir}
	return nil
}

// mage runs the magefile and checks its exit status.
func (s *script) mage(status int, args []string) error {
	path := s.Getenv("PATH")
	s.Setenv("PATH", filepath.Dir(s.Getenv("MAGEFILE"))+string(filepath.ListSeparator)+path) // so that hints say mage
	err := s.Exec("mage", args...)
	s.Setenv("PATH", path)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		return err
	}
	if got != status {
		return fmt.Errorf("exit status %d, want %d", got, status)
	}
	return nil
}

// exits STATUS mage ARGUMENT...
func (s *script) exits(args []string) error {
	if len(args) < 2 || args[1] != "mage" {
		return errors.New("usage: exits STATUS mage ARGUMENT...")
	}
	status, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	return s.mage(status, args[2:])
}

// account [-update=DURATION] [-window=DURATION] [-fail=FUNCTION:OPERATION] [-blocked=RUNTIME] [-withdrawn=RUNTIME] [-bucket=NAME]
func (s *script) emulate(args []string) error {
	var options emulator.Options
	flags := flag.NewFlagSet("account", flag.ContinueOnError)
	flags.DurationVar(&options.UpdateTime, "update", 0, "how long an update takes")
	flags.DurationVar(&options.Window, "window", 0, "how long the previous version may serve after an update")
	flags.Func("blocked", "runtime that AWS has blocked for updates", func(name string) error {
		options.Blocked = append(options.Blocked, name)
		return nil
	})
	flags.Func("withdrawn", "runtime to which AWS lets no function return", func(name string) error {
		options.Withdrawn = append(options.Withdrawn, name)
		return nil
	})
	flags.Func("bucket", "S3 bucket", func(name string) error {
		options.Buckets = append(options.Buckets, name)
		return nil
	})
	fail := flags.String("fail", "", "update that fails, as FUNCTION:OPERATION")
	if err := flags.Parse(args); err != nil {
		return err
	}
	options.HostBuild = s.hostBuild
	options.FailUpdate = func(function, operation string) *emulator.Failure {
		if *fail == function+":"+operation {
			return &emulator.Failure{Reason: "out of order", ReasonCode: "InternalError"}
		}
		return nil
	}
	var err error
	if s.account, err = newAccount(options); err != nil {
		return err
	}
	return s.lead(s.account.server.Close)
}

// cloud [-regions=REGION,REGION] [-role=ARN] [-deny=ACCOUNT:OPERATION]
func (s *script) cloud(args []string) error {
	var options emulator.CloudOptions
	flags := flag.NewFlagSet("cloud", flag.ContinueOnError)
	regions := flags.String("regions", "", "regions that are enabled besides ap-northeast-1 and us-east-1")
	flags.Func("role", "role that can be assumed", func(arn string) error {
		options.Roles = append(options.Roles, arn)
		return nil
	})
	deny := flags.String("deny", "", "account and operation that it denies")
	if err := flags.Parse(args); err != nil {
		return err
	}
	options.Regions = strings.Split(*regions, ",")
	options.Deny = func(account, _, operation string) bool { return *deny == account+":"+operation }
	var err error
	if s.account, s.places, err = newCloud(options); err != nil {
		return err
	}
	return s.lead(s.places.Close)
}

// in ACCOUNT REGION
func (s *script) in(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: in ACCOUNT REGION")
	}
	server, err := s.places.Server(args[0], args[1])
	if err == nil {
		s.account.use(server)
	}
	return err
}

// lead leads AWS tools to the account until the script ends.
func (s *script) lead(stop func() error) error {
	s.Defer(func() {
		if err := s.account.startable(); err != nil {
			s.t.Errorf("%s: %v", s.Name(), err)
		}
		stop()
	})
	file := filepath.Join(s.dir, ".aws", "credentials")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	for _, kv := range s.account.environment(file) {
		name, value, _ := strings.Cut(kv, "=")
		s.Setenv(name, value)
	}
	return os.WriteFile(file, []byte(s.account.profiles()), 0o600)
}

// age MINUTES
func (s *script) age(args []string) error {
	minutes, err := strconv.Atoi(strings.Join(args, " "))
	if err == nil {
		s.account.server.Age(minutes)
	}
	return err
}

// stubs NAME...
func (s *script) stubs(names []string) error { return stubs(s.MkAbs("."), names...) }

// samples
func (s *script) samples([]string) error {
	s.sampled = true
	return cloneSamples(s.MkAbs("."))
}

// checkout
func (s *script) checkout([]string) error {
	return clone(s.MkAbs("."), "go.mod", "go.sum", "magefiles", "functions", "lambdas.json")
}

// legacy SAMPLE FILE
func (s *script) legacy(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: legacy SAMPLE FILE")
	}
	zips, err := legacyZips()
	if err != nil {
		return err
	}
	return os.WriteFile(s.MkAbs(args[1]), zips[args[0]], 0o666)
}

// hostBuild builds a function of the script for this machine, where it cannot run
// the function's binary.
func (s *script) hostBuild(ctx context.Context, info *buildinfo.BuildInfo) (string, error) {
	binary := build.Binary{Kind: build.Bootstrap, Architecture: "x86_64"}
	_, dir, _ := strings.Cut(info.Path, "/functions/")
	f := &build.Function{Name: info.Path, Package: filepath.Join(s.dir, "functions", dir), Binaries: []build.Binary{binary}}
	err := build.Build(ctx, build.Options{Host: true, Out: filepath.Join(s.dir, "bin", ".host")}, []*build.Function{f})
	return f.Files[binary], errors.Join(err, f.Err)
}

// before PACKAGE HANDLER ZIP [FILE...]
func (s *script) before(args []string) error {
	if len(args) < 3 {
		return errors.New("usage: before PACKAGE HANDLER ZIP [FILE...]")
	}
	data, err := legacyZip(filepath.Join(s.dir, "bin", ".before"), s.MkAbs(args[0]), args[1], args[3:]...)
	if err != nil {
		return err
	}
	return os.WriteFile(s.MkAbs(args[2]), data, 0o666)
}

// wrap FILE NAME ZIP [NAME]
func (s *script) wrap(args []string) error {
	if len(args) != 3 && len(args) != 4 {
		return errors.New("usage: wrap FILE NAME ZIP [NAME]")
	}
	files := map[string][]byte{}
	for _, name := range slices.Concat(args[1:2], args[3:]) {
		files[name] = []byte(s.ReadFile(args[0]))
	}
	return os.WriteFile(s.MkAbs(args[2]), executables(s.t, files), 0o666)
}

// answers FUNCTION EVENT TEXT
func (s *script) answers(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: answers FUNCTION EVENT TEXT")
	}
	if !canRun {
		return nil
	}
	got, err := s.account.answer(s.t.Context(), args[0], []byte(args[1]))
	if err == nil && !strings.Contains(string(got), args[2]) {
		err = fmt.Errorf("%s answers %s", args[0], got)
	}
	return err
}

// create [-runtime=RUNTIME] [-handler=HANDLER] [-zip=FILE] [-code=ZIP] [-arch=ARCHITECTURE] [-layer=ARN] [-image] FUNCTION...
func (s *script) create(args []string) error {
	flags := flag.NewFlagSet("create", flag.ContinueOnError)
	runtime := flags.String("runtime", "go1.x", "")
	handler := flags.String("handler", "lambda", "")
	file := flags.String("zip", "", "the only file in the zip; default lambda")
	code := flags.String("code", "", "file with the zip")
	arch := flags.String("arch", "x86_64", "")
	layer := flags.String("layer", "", "layer version")
	image := flags.Bool("image", false, "create it of a container image")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for _, name := range flags.Args() {
		in := legacy(name, zipOf(cmp.Or(*file, "lambda")))
		in.Runtime, in.Handler = types.Runtime(*runtime), handler
		in.Architectures = []types.Architecture{types.Architecture(*arch)}
		if *layer != "" {
			in.Layers = []string{*layer}
		}
		if *image {
			uri := "210987654321.dkr.ecr.ap-northeast-1.amazonaws.com/f:1"
			in = lambda.CreateFunctionInput{FunctionName: &name, PackageType: types.PackageTypeImage, Code: &types.FunctionCode{ImageUri: &uri}}
		} else if *code != "" {
			in.Code.ZipFile = []byte(s.ReadFile(*code))
		} else if s.sampled && *file == "" {
			zips, err := legacyZips()
			if err != nil {
				return err
			}
			in.Code.ZipFile = zips[strings.TrimPrefix(name, "prod-")]
		}
		if err := s.account.create(s.t.Context(), in); err != nil {
			return err
		}
	}
	return nil
}

// delete FUNCTION...
func (s *script) delete(names []string) error {
	for _, name := range names {
		if _, err := s.account.client.DeleteFunction(s.t.Context(), &lambda.DeleteFunctionInput{FunctionName: &name}); err != nil {
			return err
		}
	}
	return nil
}

// deployed RUNTIME HANDLER FILE+FILE FUNCTION...
func (s *script) deployed(args []string) error {
	if len(args) < 4 {
		return errors.New("usage: deployed RUNTIME HANDLER FILE+FILE FUNCTION...")
	}
	for _, name := range args[3:] {
		if err := s.account.check(s.t.Context(), name, args[0], args[1], strings.Split(args[2], "+")); err != nil {
			return err
		}
		if s.sampled && canRun {
			event := s.ReadFile("functions/" + strings.TrimPrefix(name, "prod-") + "/testdata/event.json")
			if err := s.account.invoke(s.t.Context(), name, []byte(event)); err != nil {
				return err
			}
		}
	}
	return nil
}

// maps FUNCTION...
func (s *script) maps(names []string) error {
	for _, name := range names {
		if _, err := s.account.mapStream(s.t.Context(), name); err != nil {
			return err
		}
	}
	return nil
}

// mapped FUNCTION[:VERSION]...
func (s *script) mapped(names []string) error {
	for _, name := range names {
		if err := s.account.mapped(s.t.Context(), name); err != nil {
			return err
		}
	}
	return nil
}

// invoke FUNCTION EVENT
func (s *script) invoke(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: invoke FUNCTION EVENT")
	}
	_, err := s.account.client.Invoke(s.t.Context(), &lambda.InvokeInput{FunctionName: &args[0], Payload: []byte(s.ReadFile(args[1]))})
	return err
}

// updates N
func (s *script) updates(args []string) error {
	want, err := strconv.Atoi(strings.Join(args, " "))
	if err != nil {
		return err
	}
	got := s.account.updates()
	defer func() { s.seen = got }()
	if got-s.seen != want {
		return fmt.Errorf("%d updates, want %d", got-s.seen, want)
	}
	return nil
}

// replace OLD NEW FILE
func (s *script) replace(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: replace OLD NEW FILE")
	}
	content := s.ReadFile(args[2])
	if !strings.Contains(content, args[0]) {
		return fmt.Errorf("%s does not contain %q", args[2], args[0])
	}
	return os.WriteFile(s.MkAbs(args[2]), []byte(strings.Replace(content, args[0], args[1], 1)), 0o666)
}

// zipped FILE+FILE ZIP...
func (s *script) zipped(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: zipped FILE+FILE ZIP...")
	}
	for _, name := range args[1:] {
		files, err := filesOf([]byte(s.ReadFile(name)))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if got := strings.Join(files, "+"); got != args[0] {
			return fmt.Errorf("%s has %s, want %s", name, got, args[0])
		}
	}
	return nil
}

// built
func (s *script) built([]string) error {
	var row struct{ Binaries map[string]string }
	if err := json.Unmarshal([]byte(s.ReadFile("stdout")), &row); err != nil {
		return err
	}
	for _, name := range []string{"bootstrap", "lambda"} {
		if _, err := os.Stat(s.MkAbs(row.Binaries[name])); err != nil || row.Binaries[name] == "" {
			return fmt.Errorf("%s is missing in %v: %w", name, row.Binaries, err)
		}
	}
	return nil
}

// fields NAME...
func (s *script) fields(names []string) error {
	stdout := s.ReadFile("stdout")
	out := s.Stdout()
	for line := range strings.Lines(stdout) {
		var row any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			return fmt.Errorf("%w: %s", err, line)
		}
		cells := make([]string, len(names))
		for i, name := range names {
			cells[i] = cell(row, name)
		}
		fmt.Fprintln(out, strings.Join(cells, "  "))
	}
	return nil
}

// cell returns the member of a row that a path such as Before.Runtime names, or -
// if there is none.
func cell(row any, path string) string {
	for name := range strings.SplitSeq(path, ".") {
		object, _ := row.(map[string]any)
		row = object[name]
	}
	switch value := row.(type) {
	case nil:
		return "-"
	default:
		if text := fmt.Sprint(value); text != "" {
			return text
		}
		return "-"
	}
}
