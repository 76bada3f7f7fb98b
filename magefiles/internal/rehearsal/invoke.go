package rehearsal

import (
	"context"
	"encoding/base64"
	"runtime"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/sample"
	"example.com/dualboot/magefiles/internal/text"
)

// act is what the functions did at one moment, by function name.
type act struct {
	name    string
	served  map[string]emulator.Deployment
	answers map[string][]answer // one for each event
}

// invokeAll invokes all functions with all their events and records the act.
func (s *stage) invokeAll(ctx context.Context, name string) {
	if ctx.Err() != nil {
		return
	}
	s.options.UI.Notef("invoking %s", text.Count(len(s.functions), "function"))
	a := act{name: name, served: map[string]emulator.Deployment{}, answers: map[string][]answer{}}
	var mu sync.Mutex
	invoking := s.options.UI.Stage("invoking", "function", len(s.functions))
	fleet.Each(s.functions, 4*runtime.GOMAXPROCS(0), func(f *fleet.Function) {
		defer invoking.Done()
		answers := s.invoke(ctx, f.FunctionName)
		mu.Lock()
		defer mu.Unlock()
		a.answers[f.FunctionName] = answers
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.functions {
		a.served[f.FunctionName] = s.served[f.FunctionName]
	}
	s.acts = append(s.acts, a)
}

// invoke returns the answers of a function to its events. It invokes a version that
// it publishes for this: after an update, an invocation of $LATEST may be served by
// what the update replaced, but a version has its own code and configuration.
func (s *stage) invoke(ctx context.Context, function string) []answer {
	events := s.samples[function].Events
	answers := make([]answer, len(events))
	version, err := s.client.PublishVersion(ctx, &sdk.PublishVersionInput{FunctionName: &function})
	if err == nil {
		err = s.active(ctx, function, version.Version)
	}
	if err != nil {
		for i := range answers {
			answers[i] = noAnswer(awsclient.Explain(err, ""))
		}
		return answers
	}
	defer s.client.DeleteFunction(ctx, &sdk.DeleteFunctionInput{FunctionName: &function, Qualifier: version.Version}) // ends its processes
	p := probe{stage: s, function: function, version: *version.Version,
		entryPoint: lambda.EntryPoint(string(version.Runtime), aws.ToString(version.Handler))}
	for i, event := range events {
		answers[i] = p.send(ctx, event)
	}
	return answers
}

// probe invokes a published version with one event after the other.
type probe struct {
	*stage
	function, version, entryPoint string

	ready bool // a process of the version has got ready for invocations
}

func (p *probe) send(ctx context.Context, event sample.Event) answer {
	out, err := p.client.Invoke(ctx, &sdk.InvokeInput{
		FunctionName: &p.function, Qualifier: &p.version, Payload: event.JSON, LogType: types.LogTypeTail,
	})
	if err != nil {
		return noAnswer(awsclient.Explain(err, ""))
	}
	log, _ := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	p.ready = p.ready || initialized(string(log))
	if out.FunctionError != nil {
		return newFailure(out.Payload, string(log), p.entryPoint, p.ready)
	}
	return newAnswer(out.Payload)
}
