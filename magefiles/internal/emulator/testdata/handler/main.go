// Handler is the function that the emulator's tests deploy: it does what the
// event tells it to.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do    string
	N     int
	Text  string
	Child []string
}

type result struct {
	Pid          int
	ChildPid     int               `json:",omitempty"`
	Text         string            `json:",omitempty"`
	Environ      []string          `json:",omitempty"`
	Dir          string            `json:",omitempty"`
	RequestID    string            `json:",omitempty"`
	ARN          string            `json:",omitempty"`
	Client       map[string]string `json:",omitempty"`
	Trace        string            `json:",omitempty"`
	Milliseconds int64             `json:",omitempty"` // until the deadline
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

func main() {
	switch os.Getenv("INIT") {
	case "hang":
		time.Sleep(time.Hour)
	case "exit":
		fmt.Println("giving up at init")
		os.Exit(3)
	case "print":
		fmt.Println("printed at init")
	}
	lambda.Start(handle)
}

func handle(ctx context.Context, e event) (any, error) {
	r := result{Pid: os.Getpid(), Text: e.Text}
	switch e.Do {
	case "":
		r.Text = os.Getenv("TEXT")
	case "raw":
		return e.Text, nil
	case "sleep":
		time.Sleep(time.Duration(e.N) * time.Millisecond)
	case "await": // until there are N files in the directory that Text names, its own included
		os.WriteFile(filepath.Join(e.Text, strconv.Itoa(r.Pid)), nil, 0o600)
		for {
			if entries, _ := os.ReadDir(e.Text); len(entries) >= e.N {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
	case "error":
		return nil, errors.New(e.Text)
	case "panic":
		panic(e.Text)
	case "exit":
		os.Exit(e.N)
	case "stream": // a response that fails on the way
		return io.MultiReader(strings.NewReader("a part of it"), failingReader{errors.New(e.Text)}), nil
	case "big":
		return strings.Repeat("x", e.N), nil
	case "print":
		fmt.Fprint(os.Stdout, e.Text)
		fmt.Fprintln(os.Stderr, "to stderr")
	case "flood":
		for i := range e.N {
			fmt.Println("line", i, e.Text)
		}
	case "mark": // leaves a line in the file that Text names
		file, err := os.OpenFile(e.Text, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		if _, err := fmt.Fprintln(file, os.Getpid()); err != nil {
			return nil, err
		}
		return nil, errors.New("marked")
	case "write":
		if err := os.WriteFile(e.Text, nil, 0o600); err != nil {
			return nil, err
		}
	case "child":
		cmd := exec.Command(e.Child[0], e.Child[1:]...)
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		r.ChildPid = cmd.Process.Pid
	case "daemon": // a child in a session of its own
		cmd := exec.Command(e.Child[0], e.Child[1:]...)
		ownSession(cmd)
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		r.ChildPid = cmd.Process.Pid
	case "context":
		r.Environ = os.Environ()
		sort.Strings(r.Environ)
		r.Dir, _ = os.Getwd()
		lc, _ := lambdacontext.FromContext(ctx)
		r.RequestID, r.ARN, r.Client = lc.AwsRequestID, lc.InvokedFunctionArn, lc.ClientContext.Custom
		r.Trace, _ = ctx.Value("x-amzn-trace-id").(string)
		deadline, _ := ctx.Deadline()
		r.Milliseconds = time.Until(deadline).Milliseconds()
	}
	return r, nil
}
