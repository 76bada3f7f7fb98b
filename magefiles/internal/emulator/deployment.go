package emulator

import (
	"crypto/rand"
	"debug/elf"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"example.com/dualboot/magefiles/internal/emulator/sandbox"
	"example.com/dualboot/magefiles/internal/emulator/zips"
)

// Deployment describes code and configuration that serve, or may serve, a
// function's invocations.
type Deployment struct {
	Function, Runtime, Handler, Architecture, CodeSha256 string

	// Files are the sorted names of the files in the package.
	Files []string

	// Executables are the sorted names of the files that can be started: they
	// are executable and not built for another machine than Architecture (see
	// [Options.HostBinaries]).
	Executables []string

	// Mixed reports whether the code is from one update and the configuration
	// from another, which may serve within the window. See [Options.Mixed].
	Mixed bool
}

// Startable reports whether the package contains what the runtime starts, in a
// form that can be started: for go1.x the file that Handler names, for
// provided.* the file bootstrap. It is false for every other runtime and for
// container images.
func (d Deployment) Startable() bool {
	file, ok := entryPoint(d.Runtime, d.Handler)
	return ok && slices.Contains(d.Executables, file)
}

// deployment is code and configuration with the environments that run them.
// Configuration and code never change.
type deployment struct {
	configuration configuration
	code          *zips.Package // nil for container images
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
	*sandbox.Environment
	number int       // among those that became idle, from zero
	warmed time.Time // when it first became idle, zero before
}

// invokable returns why a deployment cannot be invoked. A function that is
// Pending has none.
func (d *deployment) invokable() error {
	if d == nil {
		return notActive("Pending")
	}
	conf := d.configuration
	if d.code == nil {
		return notImplemented("invoking container images, such as " + conf.FunctionName + ",")
	}
	if _, ok := entryPoint(conf.Runtime, conf.Handler); !ok {
		return notImplemented("invoking functions on runtime " + conf.Runtime + ", such as " + conf.FunctionName + ",")
	}
	return nil
}

// describe returns the description of a deployment. It needs no lock.
func (s *Server) describe(d *deployment) Deployment {
	description := Deployment{
		Function:     d.configuration.FunctionName,
		Runtime:      d.configuration.Runtime,
		Handler:      d.configuration.Handler,
		Architecture: d.configuration.architecture(),
		CodeSha256:   d.configuration.CodeSha256,
		Mixed:        d.mixed,
	}
	if d.code != nil {
		description.Files = d.code.Files()
		for _, name := range description.Files {
			if s.startable(d, name) == nil {
				description.Executables = append(description.Executables, name)
			}
		}
	}
	return description
}

// startable returns why a file of a deployment cannot be started, or nil.
func (s *Server) startable(d *deployment, name string) error {
	m := elf.EM_NONE // any
	if !s.options.HostBinaries {
		m = machine(d.configuration.architecture())
	}
	return d.code.Startable(name, m)
}

// tell calls OnServe with the deployments that it is not yet called with, in
// order. It locks mu.
func (s *Server) tell() {
	s.telling.Lock()
	defer s.telling.Unlock()
	for {
		s.mu.Lock()
		untold := s.untold
		s.untold = nil
		s.mu.Unlock()
		if len(untold) == 0 {
			return
		}
		for _, d := range untold {
			if s.options.OnServe != nil {
				s.options.OnServe(d)
			}
		}
	}
}

// retire takes a deployment out of service. It does nothing with nil.
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
	}
}

// acquire picks the deployment that serves an invocation, and its most recently
// used idle instance, if it has one. It locks mu.
func (s *Server) acquire(t target) (*deployment, *instance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(t)
	if err != nil {
		return nil, nil, err
	}
	s.sweep(f)
	d, err := f.pick(t.qualifier)
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
	if d.retired {
		if i != nil {
			i.Kill()
		}
		if d.busy == 0 {
			s.packages.Release(d.code)
		}
		return
	}
	if i == nil {
		return
	}
	if i.warmed.IsZero() {
		i.number, i.warmed = d.warmed, time.Now()
		d.warmed++
	}
	d.idle = append(d.idle, i)
	s.sweep(s.functions[d.configuration.FunctionName]) // which exists: d is in service
}

// startInstance starts an environment for a deployment.
func (s *Server) startInstance(d *deployment, requestID string) (*instance, error) {
	conf := d.configuration
	file, _ := entryPoint(conf.Runtime, conf.Handler)
	e, err := s.host.Start(sandbox.Spec{
		Function:    conf.FunctionName,
		Version:     conf.Version,
		MemorySize:  conf.MemorySize,
		Timeout:     time.Duration(conf.Timeout) * time.Second,
		Protocol:    protocol(conf.Runtime),
		Root:        d.code.Root,
		EntryPoint:  file,
		Unstartable: s.startable(d, file),
		Environ:     s.environ(d),
	}, requestID)
	if err != nil {
		return nil, err
	}
	return &instance{Environment: e}, nil
}

// environ returns the environment of a deployment's processes: the function's
// variables and Lambda's, and none of this process.
//
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
func (s *Server) environ(d *deployment) []string {
	conf, root := d.configuration, d.code.Root
	stream := make([]byte, 16)
	rand.Read(stream)
	environ := []string{
		"LANG=en_US.UTF-8",
		"PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LD_LIBRARY_PATH=/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:" + root + ":" + root + "/lib:/opt/lib",
	}
	if conf.Environment != nil {
		for name, value := range conf.Environment.Variables {
			environ = append(environ, name+"="+value)
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
		"AWS_LAMBDA_LOG_STREAM_NAME="+time.Now().UTC().Format("2006/01/02/")+"["+conf.Version+"]"+hex.EncodeToString(stream),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_ACCESS_KEY_ID=ASIAEMULATEDFUNCTION",
		"AWS_SECRET_ACCESS_KEY=emulated",
		"AWS_SESSION_TOKEN=emulated",
	)
	if conf.Runtime == go1x {
		environ = append(environ, "AWS_EXECUTION_ENV=AWS_Lambda_go1.x")
		if s.options.ZoneInfo != "" {
			environ = append(environ, "ZONEINFO="+s.options.ZoneInfo)
		}
	}
	return environ
}

func logGroup(function string) string { return "/aws/lambda/" + function }
