package targets_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/emulator/zips"
)

// account is an AWS account on an emulator.
type account struct {
	server *emulator.Server
	client *lambda.Client

	mu     sync.Mutex
	served []emulator.Deployment
}

// packages has the deployment packages of all accounts. Tests deploy the same
// ones, and to unpack one takes long under the race detector.
var packages *zips.Store

func newAccount(options emulator.Options) (*account, error) {
	a := &account{}
	server, err := emulator.Start(a.watched(options))
	if err != nil {
		return nil, err
	}
	a.use(server)
	return a, nil
}

// newCloud returns the account as the home of a cloud.
func newCloud(options emulator.CloudOptions) (*account, *emulator.Cloud, error) {
	a := &account{}
	options.Options = a.watched(options.Options)
	cloud, err := emulator.StartCloud(options)
	if err != nil {
		return nil, nil, err
	}
	home, err := cloud.Home()
	if err != nil {
		return nil, nil, errors.Join(err, cloud.Close())
	}
	a.use(home)
	return a, cloud, nil
}

func (a *account) use(server *emulator.Server) {
	a.server, a.client = server, lambda.NewFromConfig(server.Config())
}

// watched returns the options of a server that tells the account what it serves.
func (a *account) watched(options emulator.Options) emulator.Options {
	options.Region, options.Account = "ap-northeast-1", "210987654321"
	options.Packages = packages
	options.OnServe = func(d emulator.Deployment) {
		packages.Find(d.CodeSha256) // and so keep it for other accounts
		a.mu.Lock()
		defer a.mu.Unlock()
		a.served = append(a.served, d)
	}
	return options
}

// profiles returns the AWS credentials file of the account.
func (a *account) profiles() string {
	keys := a.server.Credentials()
	var b strings.Builder
	for _, profile := range []string{"our_prod", "our_stg"} {
		fmt.Fprintf(&b, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", profile, keys.AccessKeyID, keys.SecretAccessKey)
	}
	return b.String()
}

// environment returns the variables that lead AWS tools to the account. The file
// has its profiles.
func (a *account) environment(file string) []string {
	return []string{"AWS_ENDPOINT_URL=" + a.server.URL(), "AWS_CONFIG_FILE=" + file, "AWS_SHARED_CREDENTIALS_FILE=" + file}
}

// create creates a function and waits until it is active. Its role is added.
func (a *account) create(ctx context.Context, in lambda.CreateFunctionInput) error {
	in.Role = aws.String("arn:aws:iam::210987654321:role/functions")
	if _, err := a.client.CreateFunction(ctx, &in); err != nil {
		return err
	}
	waiter := lambda.NewFunctionActiveV2Waiter(a.client, func(o *lambda.FunctionActiveV2WaiterOptions) { o.MinDelay = 10 * time.Millisecond })
	return waiter.Wait(ctx, &lambda.GetFunctionInput{FunctionName: in.FunctionName}, time.Minute)
}

// legacy returns a function as it is before a migration.
func legacy(name string, zip []byte) lambda.CreateFunctionInput {
	return lambda.CreateFunctionInput{
		FunctionName: &name, Runtime: types.RuntimeGo1x, Handler: aws.String("lambda"), Code: &types.FunctionCode{ZipFile: zip},
	}
}

// updates returns how many updates the emulator has received.
func (a *account) updates() int {
	calls := a.server.Calls()
	return calls["UpdateFunctionCode"] + calls["UpdateFunctionConfiguration"]
}

// check checks the state of a function, and which files its zip has.
func (a *account) check(ctx context.Context, name, runtime, handler string, files []string) error {
	out, err := a.client.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &name})
	if err != nil {
		return err
	}
	c := out.Configuration
	if string(c.Runtime) != runtime || aws.ToString(c.Handler) != handler || c.LastUpdateStatus != types.LastUpdateStatusSuccessful {
		return fmt.Errorf("%s has runtime %s, handler %s, last update %s; want %s, %s, Successful", name, c.Runtime, aws.ToString(c.Handler), c.LastUpdateStatus, runtime, handler)
	}
	response, err := http.Get(aws.ToString(out.Code.Location))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	got, err := filesOf(data)
	if err != nil {
		return fmt.Errorf("the zip of %s: %w", name, err)
	}
	if !slices.Equal(got, files) {
		return fmt.Errorf("%s has a zip of %v, want %v", name, got, files)
	}
	return nil
}

// invoke invokes a function and returns an error if the function does.
func (a *account) invoke(ctx context.Context, name string, payload []byte) error {
	_, err := a.answer(ctx, name, payload)
	return err
}

// answer invokes a function and returns its answer.
func (a *account) answer(ctx context.Context, name string, payload []byte) ([]byte, error) {
	out, err := a.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &name, Payload: payload})
	if err == nil && out.FunctionError != nil {
		err = fmt.Errorf("%s: %s", *out.FunctionError, out.Payload)
	}
	if err != nil {
		return nil, fmt.Errorf("invoking %s: %w", name, err)
	}
	return out.Payload, nil
}

// mapStream maps a stream to a function, and returns the UUID of the mapping.
func (a *account) mapStream(ctx context.Context, function string) (string, error) {
	out, err := a.client.CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{
		FunctionName: &function, StartingPosition: types.EventSourcePositionLatest,
		EventSourceArn: aws.String("arn:aws:kinesis:ap-northeast-1:210987654321:stream/" + function),
	})
	if err != nil {
		return "", err
	}
	return *out.UUID, nil
}

// mapped returns an error unless one stream is mapped to a function, or with
// FUNCTION:VERSION to a version.
func (a *account) mapped(ctx context.Context, name string) error {
	out, err := a.client.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{FunctionName: &name})
	if err == nil && len(out.EventSourceMappings) != 1 {
		err = fmt.Errorf("%d streams are mapped to %s, want 1", len(out.EventSourceMappings), name)
	}
	return err
}

// startable returns an error if a zip without a binary that its runtime could
// start was ever deployed.
func (a *account) startable() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var errs []error
	for _, d := range a.served {
		ours := d.Runtime == "go1.x" || strings.HasPrefix(d.Runtime, "provided")
		if ours && !d.Startable() {
			errs = append(errs, fmt.Errorf("there was a moment with %+v", d))
		}
	}
	return errors.Join(errs...)
}

// zipOf returns a zip of one empty executable.
func zipOf(name string) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	header := &zip.FileHeader{Name: name}
	header.SetMode(0o755)
	if _, err := w.CreateHeader(header); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// filesOf returns the names of the files in a zip.
func filesOf(data []byte) ([]string, error) {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	var files []string
	for _, f := range r.File {
		files = append(files, f.Name)
	}
	return files, nil
}

// legacyZips returns the zip of each sample as it is before a migration: with
// lambda alone.
var legacyZips = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp(scratch, "")
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{}
	for _, name := range samples {
		if all[name], err = legacyZip(dir, filepath.Join(repository, "functions", name), "lambda"); err != nil {
			return nil, err
		}
	}
	return all, nil
})

// legacyZip returns the zip of a package as another tool makes it for go1.x: the
// binary under the name of the handler, and files of the package directory.
// Binaries are kept in dir.
func legacyZip(dir, pkg, handler string, files ...string) ([]byte, error) {
	binary := build.Binary{Kind: build.Legacy, Architecture: "x86_64"}
	f := &build.Function{Name: handler, Package: pkg, Binaries: []build.Binary{binary}}
	if err := errors.Join(build.Build(context.Background(), build.Options{Out: dir}, []*build.Function{f}), f.Err); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := newZip(&out)
	add := func(name, path string, mode fs.FileMode) error {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		header.SetMode(mode)
		entry, err := w.CreateHeader(header)
		if err == nil {
			_, err = entry.Write(data)
		}
		return err
	}
	err := add(handler, f.Files[binary], 0o755)
	for _, name := range files {
		err = errors.Join(err, add(name, filepath.Join(pkg, filepath.FromSlash(name)), 0o644))
	}
	err = errors.Join(err, w.Close())
	return out.Bytes(), err
}

// newZip returns a writer of a zip that compresses fast: others take long under the
// race detector.
func newZip(out io.Writer) *zip.Writer {
	w := zip.NewWriter(out)
	w.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	return w
}

// stubs writes a module with functions that compile and do nothing. Their zips
// differ. They import a package that stands for aws-lambda-go.
func stubs(dir string, names ...string) error {
	files := map[string]string{
		"go.mod": `module example.com/stub

go 1.26.0

require github.com/aws/aws-lambda-go v1.55.1

replace github.com/aws/aws-lambda-go => ./aws-lambda-go
`,
		"aws-lambda-go/go.mod":           "module github.com/aws/aws-lambda-go\n\ngo 1.26.0\n",
		"aws-lambda-go/lambda/lambda.go": "package lambda\n\nfunc Start(handler any) {}\n",
	}
	for _, name := range names {
		files["functions/"+name+"/main.go"] = fmt.Sprintf("package main\n\nimport \"github.com/aws/aws-lambda-go/lambda\"\n\nfunc main() { lambda.Start(%q) }\n", name)
	}
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}
