package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/text"
)

// act is what the functions did at one moment, by function name.
type act struct {
	name    string
	served  map[string]emulator.Deployment
	answers map[string]answer
}

// answer is the answer of a function to its event.
type answer struct {
	payload string
	failure string // the type of the function error, or why there is no answer
}

// invokeAll invokes all functions and records the act.
func (s *stage) invokeAll(ctx context.Context, name string) {
	if ctx.Err() != nil {
		return
	}
	s.options.UI.Notef("invoking %s", text.Count(len(s.functions), "function"))
	a := act{name: name, served: map[string]emulator.Deployment{}, answers: map[string]answer{}}
	var mu sync.Mutex
	fleet.Each(s.functions, 4*runtime.GOMAXPROCS(0), func(f *fleet.Function) {
		answer := s.invoke(ctx, f)
		mu.Lock()
		defer mu.Unlock()
		a.answers[f.FunctionName] = answer
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.functions {
		a.served[f.FunctionName] = s.served[f.FunctionName]
	}
	s.acts = append(s.acts, a)
}

// event returns the event of a function: testdata/event.json of its package, or
// {} if there is none.
func event(f *fleet.Function) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(filepath.FromSlash(f.Function.Package), "testdata", "event.json"))
	if errors.Is(err, os.ErrNotExist) {
		return []byte("{}"), nil
	}
	return data, err
}

func (s *stage) invoke(ctx context.Context, f *fleet.Function) answer {
	payload, err := event(f)
	if err != nil {
		return answer{failure: err.Error()}
	}
	out, err := s.client.Invoke(ctx, &sdk.InvokeInput{FunctionName: &f.FunctionName, Payload: payload})
	if err != nil {
		return answer{failure: err.Error()}
	}
	a := answer{payload: string(out.Payload), failure: aws.ToString(out.FunctionError)}
	var named struct{ ErrorType string }
	if a.failure != "" && json.Unmarshal(out.Payload, &named) == nil && named.ErrorType != "" {
		a.failure = named.ErrorType
	}
	return a
}

// String returns the answer in a few words.
func (a answer) String() string {
	const most = 72
	words := []rune(strings.Join(strings.Fields(a.payload), " "))
	var proxy struct { // API Gateway makes an HTTP response of it
		StatusCode int
		Body       string
	}
	if json.Unmarshal([]byte(a.payload), &proxy) == nil && proxy.StatusCode > 0 {
		words = []rune(fmt.Sprintf("%d %s", proxy.StatusCode, proxy.Body))
	}
	if len(words) > most {
		words = append(words[:most-1], '…')
	}
	return strings.TrimSpace(a.failure + " " + string(words))
}
