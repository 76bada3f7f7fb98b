package emulator

import (
	"debug/elf"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"example.com/dualboot/magefiles/internal/emulator/zips"
	"example.com/dualboot/magefiles/internal/lambda"
)

// program is what a runtime starts for a deployment.
type program struct {
	in          *zips.Package // the package, or the layers
	file        string        // in them
	path        string        // on Lambda
	unstartable error         // why it cannot be started, or nil

	// handler is the file in the package that the program, a script, executes in
	// its own place, or "".
	handler     string
	unavailable error // why the handler cannot be executed, or nil
}

// program returns what the runtime of a deployment with code starts. It reports
// false for the runtimes that the emulator cannot run.
//
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-build
func (s *Server) program(d *deployment) (program, bool) {
	conf := d.configuration
	file, known := entryPoint(conf.Runtime, conf.Handler)
	if !known {
		return program{}, false
	}
	p := program{in: d.code, file: file, path: taskRoot + "/" + file}
	if conf.Runtime != lambda.Go1x && d.opt != nil && d.opt.Has(file) && !d.code.Has(file) {
		p.in, p.path = d.opt, optRoot+"/"+file
	}
	machine := lambda.Machine(conf.architecture())
	if s.options.HostBinaries {
		machine = elf.EM_NONE
	}
	p.unstartable = p.in.Startable(file, machine)
	if p.unstartable == nil && executesHandler(p.in.Script(file)) {
		p.handler = path.Clean(strings.TrimLeft(conf.Handler, "/"))
		p.unavailable = d.code.Startable(p.handler, machine)
	}
	return p, true
}

// startable reports whether a deployment with code can be started.
func (s *Server) startable(d *deployment) bool {
	p, known := s.program(d)
	return known && p.unstartable == nil && p.unavailable == nil
}

// handlerExecution matches the command by which a script leaves its place to the
// handler: that of a bridge from go1.x, or of AWS's web adapter.
//
// https://github.com/awslabs/aws-lambda-web-adapter/blob/main/layer/bootstrap
var handlerExecution = regexp.MustCompile(`^exec\s+(--\s+)?"?(\$LAMBDA_TASK_ROOT|\$\{LAMBDA_TASK_ROOT\})"?/"?(\$_HANDLER|\$\{_HANDLER\})"?(\s+"\$@")?$`)

// executesHandler reports whether the last command of a script executes the
// handler.
func executesHandler(script string) bool {
	last := ""
	for line := range strings.Lines(script) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			last = line
		}
	}
	return handlerExecution.MatchString(last)
}

// command returns the command that starts a program: the file itself, or what
// starts it, or the handler that it executes, on this machine. A script whose
// handler is not available is replaced by one that fails as a shell does, for
// this machine might start what Lambda does not.
func (s *Server) command(d *deployment, p program) ([]string, error) {
	in, file := p.in, p.file
	switch {
	case p.unstartable != nil:
		return nil, nil
	case p.unavailable != nil:
		status := "126"
		if errors.Is(p.unavailable, fs.ErrNotExist) {
			status = "127"
		}
		reason := p.unavailable
		if e, ok := errors.AsType[*fs.PathError](reason); ok {
			reason = e.Err
		}
		text := p.path + ": " + taskRoot + "/" + p.handler + ": " + reason.Error()
		return []string{"/bin/sh", "-c", `echo "$1" >&2; exit "$2"`, "sh", text, status}, nil
	case p.handler != "":
		in, file = d.code, p.handler
	}
	command, err := s.foreign.command(s.ctx, d.configuration, in, file)
	if err == nil && command == nil {
		command = []string{filepath.Join(p.in.Root, filepath.FromSlash(p.file))}
	}
	return command, err
}

// The directories of a package and of the layers on Lambda.
const (
	taskRoot = "/var/task"
	optRoot  = "/opt"
)

// onHost returns a path, or a list of paths, in which directories of this machine
// replace those of Lambda. Other values stay as they are. Without layers there is
// nothing to replace /opt.
func (d *deployment) onHost(value string) string {
	if !strings.HasPrefix(value, "/") {
		return value
	}
	list := strings.Split(value, ":")
	for i, path := range list {
		if rest, ok := below(taskRoot, path); ok {
			list[i] = filepath.Join(d.code.Root, rest)
		} else if rest, ok := below(optRoot, path); ok && d.opt != nil {
			list[i] = filepath.Join(d.opt.Root, rest)
		}
	}
	return strings.Join(list, ":")
}

// below returns what follows a directory in a path that is in it, or is it.
func below(dir, path string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, dir)
	return rest, ok && (rest == "" || rest[0] == '/')
}
