//go:build unix

package emulator_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator"
)

// The way of a function from a blocked runtime, over a layer whose bootstrap starts
// the handler. The program in the package is a real one for go1.x.
func TestBridge(t *testing.T) {
	t.Parallel()
	var l ledger
	b := newBench(t, emulator.Options{Blocked: []string{"go1.x"}, OnServe: func(d emulator.Deployment) {
		d.Runtime += " [" + strings.Join(d.Layers, " ") + "]"
		l.serve(d)
	}})
	program := file{"lambda", 0o755, readFile(t, built.rpc)}
	b.create(function("f", types.RuntimeGo1x, makeZip(t, program)))
	arn := b.publishLayer("bridge", bridge)
	b.configure(attach(arn))
	b.invoke("f", event{}) // go1.x ignores the layer
	wantLines(t, "go1.x with the layer", l.take(), "go1.x []: lambda", "go1.x ["+arn+"]: lambda")

	b.configure(toProvided())
	r := b.invoke("f", event{Do: "context"})
	if environ := strings.Join(r.Environ, "\n"); !strings.Contains(environ, "\n_HANDLER=lambda\n") || !strings.Contains(environ, "LAMBDA_TASK_ROOT="+r.Dir+"\n") {
		t.Errorf("in %s the environment is\n%s", r.Dir, environ)
	}
	b.configure(&lambda.UpdateFunctionConfigurationInput{Handler: aws.String("other")})
	if f := b.fail("f", event{}); f.ErrorType != "Runtime.ExitError" || f.ErrorMessage != "RequestId: ID Error: Runtime exited with error: exit status 127" {
		t.Errorf("with a handler that does not exist: %+v", f)
	}
	b.updateCode("f", makeZip(t, launcher("bootstrap", built.norpc)))
	b.invoke("f", event{})
	b.configure(attach())
	b.invoke("f", event{})
	b.updateCode("f", makeZip(t, program))
	if f := b.fail("f", event{}); f.ErrorType != "Runtime.InvalidEntrypoint" || !strings.Contains(f.ErrorMessage, "Couldn't find valid bootstrap(s)") {
		t.Errorf("without the layer: %+v", f)
	}
	wantLines(t, "on provided.al2023", l.take(),
		"provided.al2023 ["+arn+"]: lambda",
		"provided.al2023 ["+arn+"]: lambda, unstartable",
		"provided.al2023 ["+arn+"]: bootstrap",
		"provided.al2023 []: bootstrap",
		"provided.al2023 []: lambda, unstartable")
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// The layers are merged in their order. The directory of this machine takes the
// place of /opt in variables.
func TestMergedLayers(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	first := b.publishLayer("first", file{"bin/tool", 0o755, []byte("first")}, file{"lib/a", 0o644, []byte("a")}, file{"data", 0o644, []byte("first")})
	second := b.publishLayer("second", file{"bin/tool", 0o755, []byte("second")}, file{"lib/b", 0o644, []byte("b")}, launcher("bootstrap", built.norpc))
	const others = "arn:aws:lambda:us-east-1:111111111111:layer:agent:3"
	b.create(function("f", types.RuntimeProvidedal2023, smallZip(t), func(in *lambda.CreateFunctionInput) {
		in.Layers = []string{first, others, second}
	}, variables(map[string]string{"DATA": "/opt/data", "DIRS": "/usr/x:/opt/lib:/opt:/var/task/lib", "TEXT": "see /opt/x", "OPTS": "/optional"})))

	r := b.invoke("f", event{Do: "context"})
	environ := map[string]string{}
	for _, pair := range r.Environ {
		name, value, _ := strings.Cut(pair, "=")
		environ[name] = value
	}
	opt := filepath.Dir(environ["DATA"])
	for name, want := range map[string]string{
		"DIRS": "/usr/x:" + opt + "/lib:" + opt + ":" + r.Dir + "/lib", "TEXT": "see /opt/x", "OPTS": "/optional",
		"PATH":            "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:" + opt + "/bin",
		"LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:" + r.Dir + ":" + r.Dir + "/lib:" + opt + "/lib",
	} {
		if environ[name] != want {
			t.Errorf("%s is %s, want %s", name, environ[name], want)
		}
	}
	for name, want := range map[string]string{"bin/tool": "second", "lib/a": "a", "lib/b": "b", "data": "first"} {
		if got := string(readFile(t, filepath.Join(opt, name))); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}

	b.configure(attach(second, first))
	opt = filepath.Dir(b.variable("f", "DATA"))
	if got := string(readFile(t, filepath.Join(opt, "bin/tool"))); got != "first" {
		t.Errorf("in the other order, bin/tool is %q", got)
	}
	b.updateCode("f", runtimeZip(t, types.RuntimeProvidedal2023))
	b.configure(attach())
	if got := b.variable("f", "DATA"); got != "/opt/data" {
		t.Errorf("without layers, DATA is %s", got)
	}
}

// variable returns an environment variable of a function's process.
func (b *bench) variable(name, variable string) string {
	b.Helper()
	environ := b.invoke(name, event{Do: "context"}).Environ
	i := slices.IndexFunc(environ, func(pair string) bool { return strings.HasPrefix(pair, variable+"=") })
	return strings.TrimPrefix(environ[i], variable+"=")
}

// A layer version exists as long as a function, or a version of one, has it.
func TestDeletedLayer(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	arns := []string{b.publishLayer("bridge", bridge), b.publishLayer("data", file{"data", 0o644, nil})}
	b.create(function("f", types.RuntimeProvidedal2023, makeZip(t, launcher("lambda", built.rpc)), func(in *lambda.CreateFunctionInput) { in.Layers = arns }))
	b.publish("1")
	for _, name := range []string{"bridge", "data"} {
		b.deleteLayer(name, 1)
	}
	b.invoke("f", event{})
	root := b.invoke("f:1", event{Do: "context"}).Dir
	b.configure(text("x"))
	b.invoke("f", event{})
	b.configure(attach())
	b.fail("f", event{})
	b.invoke("f:1", event{})
	if got := packagesBeside(t, root); len(got) != 3 {
		t.Errorf("packages of a function and two deleted layers: %v, want a zip, its directory and that of the merged layers", got)
	}
	b.remove("f:1")
	if got := packagesBeside(t, root); len(got) != 2 {
		t.Errorf("packages without layers: %v", got)
	}
	b.remove("f")
	if got := packagesBeside(t, root); len(got) != 0 {
		t.Errorf("the function leaves %v", got)
	}
}

// Layers are a part of the configuration, so code meets the layers before and after
// an update.
func TestLayersWithinWindow(t *testing.T) {
	t.Parallel()
	var l ledger
	b := newBench(t, emulator.Options{Window: long, Mixed: true, OnServe: func(d emulator.Deployment) {
		if len(d.Layers) > 0 {
			d.Runtime += " with the layer"
		}
		l.serve(d)
	}})
	arn := b.publishLayer("bridge", bridge)
	b.create(function("f", types.RuntimeProvidedal2023, makeZip(t, launcher("lambda", built.rpc)), func(in *lambda.CreateFunctionInput) { in.Layers = []string{arn} }))
	b.updateCode("f", runtimeZip(t, types.RuntimeProvidedal2023))
	b.configure(attach())
	wantLines(t, "OnServe", l.take(),
		"provided.al2023 with the layer: lambda", "provided.al2023 with the layer: bootstrap",
		"provided.al2023: lambda, mixed, unstartable", "provided.al2023: bootstrap")
	wantLines(t, "invocations", b.outcomes(6), "Runtime.InvalidEntrypoint", "ok", "ok", "ok", "ok", "ok")
}

// What the bridge cannot start fails as in a shell, also where this machine could
// start it.
func TestBridgeToNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	arn := b.publishLayer("bridge", bridge)
	for name, test := range map[string]struct {
		lambda file
		status string
		log    string
	}{
		"missing":     {launcher("other", built.rpc), "127", "/opt/bootstrap: /var/task/lambda: no such file or directory\n"},
		"for-owner":   {file{"lambda", 0o744, launcher("", built.rpc).content}, "126", "/opt/bootstrap: /var/task/lambda: permission denied\n"},
		"for-machine": {file{"lambda", 0o755, foreignELF(22)}, "126", "/opt/bootstrap: /var/task/lambda: exec format error\n"},
	} {
		b.create(function(name, types.RuntimeProvidedal2023, makeZip(t, test.lambda), func(in *lambda.CreateFunctionInput) { in.Layers = []string{arn} }))
		out := b.send(name, event{})
		if !strings.Contains(string(out.Payload), `"errorType":"Runtime.ExitError"`) || !strings.Contains(string(out.Payload), "exit status "+test.status) || !strings.Contains(b.log(out), test.log) {
			t.Errorf("%s: %s\n%s", name, out.Payload, b.log(out))
		}
	}
	b.create(function("unstartable", types.RuntimeProvidedal2023, smallZip(t), func(in *lambda.CreateFunctionInput) {
		in.Layers = []string{b.publishLayer("plain", file{"bootstrap", 0o644, bridge.content})}
	}))
	wantFailure(t, "a bootstrap that is not executable", b.fail("unstartable", event{}),
		failure{"Runtime.InvalidEntrypoint", "RequestId: ID Error: fork/exec /opt/bootstrap: permission denied", nil})
}
