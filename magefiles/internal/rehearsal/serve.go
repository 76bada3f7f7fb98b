package rehearsal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/command"
	"example.com/dualboot/magefiles/internal/commandline"
	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/text"
	"example.com/dualboot/magefiles/internal/ui"
)

// ServeOptions are the options of Serve.
type ServeOptions struct {
	Env     string               // environment whose region and account the emulator has
	Addr    string               // loopback address to listen on; default a random port
	Update  time.Duration        // how long an update takes
	Window  time.Duration        // how long the previous version may serve after an update
	Blocked string               // runtimes that AWS has blocked for updates, comma-separated
	Quotas  bool                 // throttle calls as AWS does
	Program *commandline.Program // says how hints spell commands
	Go      string               // the go command, for its time zone database; default "go"
	Stdout  io.Writer            // for the export lines; default os.Stdout
	Stderr  io.Writer            // for the settings and the logs of the functions; default os.Stderr
}

// Serve runs the emulator until ctx is done. It writes the export lines that lead
// a shell's AWS tools, and dualboot, to the emulator: all profiles of lambdas.json
// lead there. It needs no lambdas.json.
func Serve(ctx context.Context, o ServeOptions) error {
	o.Stdout = cmp.Or[io.Writer](o.Stdout, os.Stdout)
	o.Stderr = cmp.Or[io.Writer](o.Stderr, os.Stderr)
	m, env, err := o.load()
	if err != nil {
		return err
	}
	zones, err := build.ZoneInfo(ctx, o.Go)
	if err != nil {
		return err
	}
	options := o.emulator(m, env)
	options.ZoneInfo = zones
	server, err := emulator.Start(options)
	if err != nil {
		return err
	}
	defer server.Close()
	for _, setting := range settings(server, options) {
		o.note(fmt.Sprintf("%-18s", setting[0]), setting[1])
	}
	dir, err := os.MkdirTemp("", "dualboot-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	profiles := filepath.Join(dir, "credentials")
	if err := writeProfiles(profiles, m, server); err != nil {
		return err
	}

	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		o.note("", "this machine cannot run linux/amd64 binaries: functions can be deployed but not invoked; this can do both: "+o.Program.Command("local"))
	}
	for _, variable := range append(server.Environment(), "AWS_CONFIG_FILE="+profiles, "AWS_SHARED_CREDENTIALS_FILE="+profiles) {
		fmt.Fprintf(o.Stdout, "export %s\n", variable)
	}
	fmt.Fprintln(o.Stdout, "unset AWS_PROFILE AWS_SESSION_TOKEN")
	o.note("", "the emulator is running: paste these lines into another shell; Ctrl-C ends it")
	<-ctx.Done()
	return nil
}

// note writes a line after a prefix, in parts that fit a terminal.
func (o ServeOptions) note(prefix, line string) {
	_, _ = io.WriteString(o.Stderr, text.Indent(prefix, line, ui.Width(o.Stderr)))
}

// emulator returns the options of the emulator of an environment.
func (o ServeOptions) emulator(m *manifest.Manifest, env manifest.Environment) emulator.Options {
	options := emulator.Options{
		Addr:       o.Addr,
		Region:     env.Region,
		Account:    env.Account,
		UpdateTime: o.Update,
		Window:     o.Window,
		Mixed:      true,
		HostBuild:  hostBuild(o.Go, o.functions, func(format string, args ...any) { o.note("", fmt.Sprintf(format, args...)) }),
		Blocked:    blocked(o.Blocked),
		Buckets:    buckets(slices.Collect(maps.Values(m.Environments))...),
		Logs:       o.Stderr,
	}
	if o.Quotas {
		options.Quotas = emulator.AWSQuotas()
	}
	return options
}

// settings returns what a server emulates, as names and values.
func settings(server *emulator.Server, o emulator.Options) (list [][2]string) {
	add := func(name, value string) { list = append(list, [2]string{name, value}) }
	add("emulator", server.URL())
	add("region", server.Config().Region)
	add("account", server.Account())
	add("update time", o.UpdateTime.String())
	if o.Window > 0 {
		add("mixing window", o.Window.String()+": for this long after an update, what it replaced may still serve")
	} else {
		add("mixing window", "none: an update takes effect when it is complete, which AWS does not promise; -window=2s shows what that risks")
	}
	add("blocked runtimes", cmp.Or(strings.Join(o.Blocked, ", "), "none"))
	if q := o.Quotas; q != (emulator.Quotas{}) {
		add("quotas", fmt.Sprintf("%g GetFunction, %g GetMetricData and %g other calls a second", q.GetFunction, q.GetMetricData, q.ControlPlane))
	} else {
		add("quotas", "none")
	}
	add("buckets", cmp.Or(strings.Join(slices.Sorted(slices.Values(o.Buckets)), ", "), "none"))
	return list
}

// load returns the manifest and the environment, which are empty without a
// manifest: init writes the first one.
func (o ServeOptions) load() (*manifest.Manifest, manifest.Environment, error) {
	m, err := manifest.Load(command.File)
	if errors.Is(err, os.ErrNotExist) {
		return &manifest.Manifest{}, manifest.Environment{}, nil
	}
	if err != nil {
		return nil, manifest.Environment{}, err
	}
	env, err := m.Environment(o.Env)
	return m, env, err
}

// functions returns the functions that the manifest has now.
func (o ServeOptions) functions() []manifest.Function {
	m, err := manifest.Load(command.File)
	if err != nil {
		return nil
	}
	return m.Functions
}

// writeProfiles writes an AWS credentials file that gives each profile of the
// manifest the credentials of the server.
func writeProfiles(path string, m *manifest.Manifest, server *emulator.Server) error {
	names := map[string]bool{}
	for _, e := range m.Environments {
		if e.Profile != "" {
			names[e.Profile] = true
		}
	}
	var text []byte
	for _, name := range slices.Sorted(maps.Keys(names)) {
		text = fmt.Appendf(text, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n",
			name, server.Credentials().AccessKeyID, server.Credentials().SecretAccessKey)
	}
	return os.WriteFile(path, text, 0o600)
}

// blocked returns the runtimes of a flag, which the emulator checks.
func blocked(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}
