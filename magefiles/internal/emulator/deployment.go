package emulator

import (
	"strconv"
	"time"

	"example.com/dualboot/magefiles/internal/emulator/runner"
	"example.com/dualboot/magefiles/internal/emulator/zips"
	"example.com/dualboot/magefiles/internal/lambda"
)

// Deployment describes code and configuration that serve, or may serve, a
// function's invocations.
type Deployment struct {
	Function, Runtime, Handler, Architecture, CodeSha256 string

	// Layers are the ARNs of the layer versions, in the order in which they are
	// merged.
	Layers []string

	// Files are the sorted names of the files in the package.
	Files []string

	// Mixed reports whether the code is from one update and the configuration
	// from another, which may serve within the window. See [Options.Mixed].
	Mixed bool

	startable bool
}

// Startable reports whether there is what the runtime starts, in a form that can
// be started: for go1.x the file in the package that Handler names, for provided.*
// the file bootstrap in the package or, if it has none, in the layers of this
// account; executable, and not built for another machine than Architecture (see
// [Options.HostBinaries]). If the last command of a script is
//
//	exec "$LAMBDA_TASK_ROOT/$_HANDLER"
//
// in this or another common spelling, the file that Handler names must be so, too.
// Nothing else that a script does is considered. Startable is false for every other
// runtime and for container images.
func (d Deployment) Startable() bool { return d.startable }

// deployment is code and configuration with the environments that run them.
// Configuration and code never change.
type deployment struct {
	configuration configuration
	code          *zips.Package // nil for container images
	opt           *zips.Package // the merged layers, nil for none
	origin        origin
	mixed         bool // see Options.Mixed

	until   time.Time   // end of its time in a window, zero outside of windows
	idle    []*instance // the most recently used one last
	warmed  int         // instances that became idle so far
	busy    int         // invocations in progress
	retired bool        // a busy instance ends with its invocation
}

// origin is the numbers of the updates that brought the parts of a deployment.
// The creation is zero.
type origin struct{ code, configuration int }

// instance is an environment of a deployment.
type instance struct {
	*runner.Environment
	number int       // among those that became idle, from zero
	warmed time.Time // when it first became idle, zero before
}

// invokable returns why the emulator cannot invoke a deployment.
func (d *deployment) invokable() error {
	conf := d.configuration
	if d.code == nil {
		return notImplemented("invoking function " + conf.FunctionName + ", a container image,")
	}
	if _, ok := entryPoint(conf.Runtime, conf.Handler); !ok {
		return notImplemented("invoking function " + conf.FunctionName + " on runtime " + conf.Runtime)
	}
	return nil
}

// describe may be called without mu.
func (s *Server) describe(d *deployment) Deployment {
	conf := d.configuration
	description := Deployment{
		Function: conf.FunctionName, Runtime: conf.Runtime, Handler: conf.Handler,
		Architecture: conf.architecture(), CodeSha256: conf.CodeSha256, Mixed: d.mixed,
	}
	for _, l := range conf.Layers {
		description.Layers = append(description.Layers, l.Arn)
	}
	if d.code != nil {
		description.Files = d.code.Files()
		description.startable = s.startable(d)
	}
	return description
}

// pick returns the deployment for the next invocation of a version or an alias
// that exists, unless it cannot be invoked.
func (s *Server) pick(f *function, qualifier string) (*deployment, error) {
	if a, ok := f.aliases[qualifier]; ok {
		qualifier = a.pick()
	}
	v := f.qualified(qualifier)
	if v != &f.version || v.serving == nil {
		return v.serving, v.invokable()
	}
	s.sweep(f)
	d := f.pickLatest()
	return d, d.invokable()
}

// acquire returns the deployment that serves an invocation, and its most
// recently used idle instance, or nil. It locks mu.
func (s *Server) acquire(t target) (*deployment, *instance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.findInvoked(t)
	if err != nil {
		return nil, nil, err
	}
	d, err := s.pick(f, t.qualifier)
	if err != nil {
		return nil, nil, err
	}
	d.busy++
	for len(d.idle) > 0 {
		last := len(d.idle) - 1
		i := d.idle[last]
		d.idle = d.idle[:last]
		if i.Alive() {
			return d, i, nil
		}
	}
	return d, nil, nil
}

// release ends an invocation. Its instance, nil if it cannot be used again,
// waits for the next invocation unless the deployment or the instance is at its
// end. It locks mu.
func (s *Server) release(d *deployment, i *instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.busy--
	if i != nil {
		if i.warmed.IsZero() {
			i.number, i.warmed = d.warmed, time.Now()
			d.warmed++
		}
		d.idle = append(d.idle, i)
	}
	switch {
	case d.retired:
		s.retire(d)
	case i != nil:
		s.sweep(s.functions[d.configuration.FunctionName]) // which exists: d is in service
	}
}

// retire takes a deployment out of service, and repeats what is to be done then
// for one that is. It does nothing with nil.
func (s *Server) retire(d *deployment) {
	if d == nil {
		return
	}
	d.retired = true
	for _, i := range d.idle {
		i.Kill()
	}
	d.idle = nil
	if d.busy == 0 {
		s.packages.Release(d.code)
		s.packages.Release(d.opt)
	}
}

// keep adds a use of what a new deployment runs, which retire ends.
func (s *Server) keep(d *deployment) *deployment {
	s.packages.Keep(d.code)
	s.packages.Keep(d.opt)
	return d
}

func (s *Server) startInstance(d *deployment, requestID string) (*instance, error) {
	if s.host == nil {
		return nil, notImplemented("invoking a function of a server without processes")
	}
	conf := d.configuration
	p, _ := s.program(d)
	command, err := s.command(d, p)
	if err != nil {
		return nil, err
	}
	e, err := s.host.Start(runner.Spec{
		Function: conf.FunctionName, Version: conf.Version,
		MemorySize: conf.MemorySize, Timeout: time.Duration(conf.Timeout) * time.Second,
		Protocol: protocol(conf.Runtime), Root: d.code.Root,
		EntryPoint: p.path, Unstartable: p.unstartable, Command: command,
		Environ: s.environ(d),
	}, requestID)
	return &instance{Environment: e}, err
}

// environ returns the environment of a deployment's processes: the function's
// variables and Lambda's, and none of this process. The runner adds what differs
// between the processes.
//
// Its names and values are those that AWS had in January 2026 on provided.al2 and
// provided.al2023, with directories of this machine in place of /var/task and /opt.
//
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
func (s *Server) environ(d *deployment) []string {
	conf, root := d.configuration, d.code.Root
	path := d.onHost("/usr/local/bin:/usr/bin/:/bin:/opt/bin")
	libraries := d.onHost("/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib")
	if conf.Runtime == lambda.ProvidedAL2023 {
		path, libraries = "/var/lang/bin:"+path, "/var/lang/lib:"+libraries
	}
	environ := []string{
		"LANG=en_US.UTF-8",
		"PATH=" + path,
		"LD_LIBRARY_PATH=" + libraries,
		"AWS_XRAY_CONTEXT_MISSING=LOG_ERROR",
	}
	if conf.Environment != nil {
		for name, value := range conf.Environment.Variables.byName {
			environ = append(environ, name+"="+d.onHost(value))
		}
	}
	// Functions cannot set the variables that follow. The keys are no
	// credentials, not even for this server.
	environ = append(environ,
		"TZ=:UTC",
		"_HANDLER="+conf.Handler,
		"LAMBDA_TASK_ROOT="+root,
		"LAMBDA_RUNTIME_DIR=/var/runtime",
		"AWS_REGION="+s.options.Region,
		"AWS_DEFAULT_REGION="+s.options.Region,
		"AWS_LAMBDA_FUNCTION_NAME="+conf.FunctionName,
		"AWS_LAMBDA_FUNCTION_VERSION="+conf.Version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE="+strconv.Itoa(conf.MemorySize),
		"AWS_LAMBDA_LOG_GROUP_NAME="+logGroup(conf.FunctionName),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_ACCESS_KEY_ID=ASIAEMULATEDFUNCTION",
		"AWS_SECRET_ACCESS_KEY=emulated",
		"AWS_SESSION_TOKEN=emulated",
	)
	if conf.Runtime == lambda.Go1x {
		environ = append(environ, "AWS_EXECUTION_ENV=AWS_Lambda_go1.x")
		if s.options.ZoneInfo != "" {
			environ = append(environ, "ZONEINFO="+s.options.ZoneInfo)
		}
	}
	return environ
}
