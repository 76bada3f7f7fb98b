package lab

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
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/lambdatest"
)

const (
	account = "123456789012"
	region  = "us-east-1"
	role    = "arn:aws:iam::123456789012:role/probe"
)

// world is an emulator without processes, and a run on it.
type world struct {
	*testing.T
	client *sdk.Client
	run    *Run
	dir    string // of the journal

	mu sync.Mutex
	// before, if not nil, is called before each request and may answer it.
	before func(*http.Request) *http.Response
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server, handler, err := emulator.NewOffline(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	w := &world{T: t, dir: t.TempDir()}
	config := server.Config()
	direct := lambdatest.Direct(handler)
	config.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		w.mu.Lock()
		before := w.before
		w.mu.Unlock()
		if before != nil {
			if response := before(r); response != nil {
				return response, nil
			}
		}
		return direct.RoundTrip(r)
	})}
	w.client = sdk.NewFromConfig(config, func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, bytes.Repeat([]byte("program "), 1000), 0o755); err != nil {
		t.Fatal(err)
	}
	w.run, err = New(Options{Client: w.client, Unpaced: w.client, Role: role, Program: program, Journal: w.dir, Account: account, Region: region})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// intercept sets before.
func (w *world) intercept(before func(*http.Request) *http.Response) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before = before
}

// answering returns an answer of Lambda.
func answering(r *http.Request, status int, code string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"X-Amzn-Errortype": {code}}, Request: r,
		Body: io.NopCloser(strings.NewReader(`{"message":"the text"}`)),
	}
}

// functions checks which functions exist.
func (w *world) functions(want ...string) {
	w.Helper()
	out, err := w.client.ListFunctions(context.Background(), nil)
	if err != nil {
		w.Fatal(err)
	}
	var got []string
	for _, f := range out.Functions {
		got = append(got, *f.FunctionName)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		w.Errorf("functions %v, want %v", got, want)
	}
}

func (w *world) create(ctx context.Context, l *Lab) *Function {
	w.Helper()
	zip, err := w.run.Zip(Code("A")...)
	if err != nil {
		w.Fatal(err)
	}
	f, err := l.Create(ctx, Spec{Zip: zip})
	if err != nil {
		w.Fatal(err)
	}
	return f
}

func TestZip(t *testing.T) {
	w := newWorld(t)
	data, err := w.run.Zip(Entry{Name: "bin/app", Program: true}, Entry{Name: "bootstrap", Content: "bin/app", Link: true}, Entry{Name: "mark", Content: "A"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		got = append(got, fmt.Sprintf("%s %v %.9s", f.Name, f.Mode(), content))
	}
	want := "bin/app -rwxr-xr-x program p, bootstrap Lrwxrwxrwx bin/app, mark -rw-r--r-- A"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %v\nwant %s", got, want)
	}
	if !HasComment(data) || HasComment(data[:len(data)-1]) || r.Comment != "dualboot probe" {
		t.Error("the comment is not recognized")
	}
}

func TestSizedAndDamagedZips(t *testing.T) {
	w := newWorld(t)
	for _, size := range []int{5000, 5001} {
		data, err := w.run.Sized(size)
		if err != nil || len(data) != size {
			t.Errorf("got %d bytes, %v, want %d", len(data), err, size)
		}
		if _, err := zip.NewReader(bytes.NewReader(data), int64(len(data))); err != nil {
			t.Error(err)
		}
	}
	data, err := w.run.Zip(Entry{Name: "mark", Content: "A", Damaged: true})
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	in, err := r.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(in); err != zip.ErrChecksum {
		t.Errorf("reading a damaged file: %v", err)
	}
}

func TestCloseDeletesEverything(t *testing.T) {
	w := newWorld(t)
	l := w.run.Enter("test")
	a, b := w.create(t.Context(), l), w.create(t.Context(), l)
	w.functions(a.Name, b.Name)
	if !ours.MatchString(a.Name) {
		t.Errorf("the name %s is not recognized", a.Name)
	}
	out, err := w.client.GetFunction(t.Context(), &sdk.GetFunctionInput{FunctionName: &a.Name})
	if err != nil || out.Tags[Tag] != w.run.ID {
		t.Errorf("tags %v, %v", out.Tags, err)
	}
	if entries, _ := os.ReadDir(w.dir); len(entries) != 1 {
		t.Errorf("journals: %v", entries)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Error(err)
	}
	w.functions()
	if entries, _ := os.ReadDir(w.dir); len(entries) != 0 {
		t.Errorf("a journal is left: %v", entries)
	}
}

// Closing works after an interrupt, and repeats deletions that AWS refuses because
// something is in progress.
func TestCloseAfterInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		l := w.run.Enter("test")
		ctx, cancel := context.WithCancel(t.Context())
		w.create(ctx, l)
		conflicts := 2
		w.intercept(func(r *http.Request) *http.Response {
			w.mu.Lock()
			defer w.mu.Unlock()
			if r.Method == http.MethodDelete && conflicts > 0 {
				conflicts--
				return answering(r, http.StatusConflict, "ResourceConflictException")
			}
			return nil
		})
		cancel()
		if err := l.Close(ctx); err != nil {
			t.Error(err)
		}
		w.functions()
	})
}

// If AWS does not let a function go, closing ends in time and says so.
func TestCloseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		l := w.run.Enter("test")
		ctx, cancel := context.WithCancel(t.Context())
		f := w.create(ctx, l)
		w.intercept(func(r *http.Request) *http.Response {
			return answering(r, http.StatusConflict, "ResourceConflictException")
		})
		cancel()
		start := time.Now()
		err := l.Close(ctx)
		if err == nil || !strings.Contains(err.Error(), "deleting function "+f.Name+": ") {
			t.Errorf("error %v", err)
		}
		if took := time.Since(start); took > grace {
			t.Errorf("it took %v", took)
		}
		entries, err := journals(w.dir, account, region)
		if err != nil || len(entries) != 1 || entries[0].list.Resources[0].Name != f.Name {
			t.Errorf("journals %v, %v", entries, err)
		}
	})
}

// A creation that is in flight at an interrupt is deleted.
func TestInterruptDuringCreation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		l := w.run.Enter("test")
		ctx, cancel := context.WithCancel(t.Context())
		w.intercept(func(r *http.Request) *http.Response {
			if r.Method == http.MethodPost {
				cancel()
				time.Sleep(time.Second)
			}
			return nil
		})
		zip, err := w.run.Zip(Code("A")...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Create(ctx, Spec{Zip: zip}); err == nil {
			t.Error("the function is created in spite of the interrupt")
		}
		if err := l.Close(ctx); err != nil {
			t.Error(err)
		}
		w.functions()
	})
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	l := w.run.Enter("test")
	_, err := l.Create(t.Context(), Spec{Zip: []byte("no zip")})
	if err == nil || !strings.Contains(err.Error(), "CreateFunction: InvalidParameterValueException: ") {
		t.Errorf("error %v", err)
	}
	if _, ok := Unsupported(err); ok {
		t.Error("AWS's refusal counts as one by the emulator")
	}
	zip, err := w.run.Zip(Code("A")...)
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.Create(t.Context(), Spec{Zip: zip})
	if err != nil {
		t.Fatal(err)
	}
	a, err := f.Configure(t.Context(), sdk.UpdateFunctionConfigurationInput{KMSKeyArn: aws.String("key")})
	if err = errors.Join(err, a.Err()); err == nil {
		t.Error("a key is accepted")
	}
	if message, ok := Unsupported(err); !ok {
		t.Errorf("error %v, message %q", err, message)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestFindAndClean(t *testing.T) {
	w := newWorld(t)
	l := w.run.Enter("test")
	f := w.create(t.Context(), l)
	foreign := []string{"dualboot-probe-mine", "orders"}
	for _, name := range foreign {
		zip, err := w.run.Zip(Code("A")...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.client.CreateFunction(t.Context(), &sdk.CreateFunctionInput{
			FunctionName: &name, Role: aws.String(role), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Code: &types.FunctionCode{ZipFile: zip},
		}); err != nil {
			t.Fatal(err)
		}
	}
	// The journal of another region does not count, and one of a run that was
	// killed before its creation names what does not exist.
	other := newJournal(w.dir, "aaaaaaaa", account, "eu-west-1")
	killed := newJournal(w.dir, "bbbbbbbb", account, region)
	gone := Resource{FunctionKind, "dualboot-probe-bbbbbbbb-test-1"}
	for _, err := range []error{other.add(Resource{FunctionKind, "dualboot-probe-aaaaaaaa-test-1"}), killed.add(gone)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	found, err := Find(t.Context(), w.client, w.dir, account, region)
	want := []Resource{gone, {FunctionKind, f.Name}}
	if gone.Name > f.Name {
		want[0], want[1] = want[1], want[0]
	}
	if err != nil || fmt.Sprint(found) != fmt.Sprint(want) {
		t.Errorf("found %v, %v, want %v", found, err, want)
	}
	if err := Clean(t.Context(), w.client, w.dir, account, region, found); err != nil {
		t.Error(err)
	}
	w.functions(foreign...)
	left, err := filepath.Glob(filepath.Join(w.dir, "*"))
	if err != nil || len(left) != 1 || left[0] != other.path {
		t.Errorf("journals %v, %v", left, err)
	}

	damaged := filepath.Join(w.dir, "journal-cccccccc.json")
	if err := os.WriteFile(damaged, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(t.Context(), w.client, w.dir, account, region); err == nil || !strings.HasPrefix(err.Error(), damaged+" is not a journal: ") {
		t.Errorf("a damaged journal: %v", err)
	}
}
