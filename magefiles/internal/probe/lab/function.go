package lab

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/probe/mark"
)

const (
	memory  = 128 // MB, the least that Lambda has
	timeout = 10  // seconds
	// slowest is how long a creation or an update may take.
	slowest = 10 * time.Minute
)

// Spec describes a function.
type Spec struct {
	Zip           []byte
	Runtime       string   // default provided.al2023
	Handler       string   // default bootstrap
	Architecture  string   // default x86_64
	Configuration string   // mark of the configuration
	Layers        []string // ARNs of layer versions
}

// Function is a function of a lab.
type Function struct {
	Name string
	// Creation is the answer to CreateFunction and what GetFunction reported until
	// the function was active.
	Creation Update

	run *Run
}

// Update is an update, or a creation, from its beginning to its end.
type Update struct {
	Accepted Answer   // to the call
	Reads    []Answer // of GetFunction, until neither Pending nor InProgress
}

// End is the last read of the function.
func (u Update) End() Answer { return u.Reads[len(u.Reads)-1] }

// Create creates a function and waits until it is active. The error is a *Refusal
// if Lambda refuses it.
func (l *Lab) Create(ctx context.Context, spec Spec) (*Function, error) {
	r, err := l.add(FunctionKind)
	if err != nil {
		return nil, err
	}
	f := &Function{Name: r.Name, run: l.Run}
	call, cancel := creating(ctx)
	defer cancel()
	f.Creation.Accepted, err = answer("CreateFunction", func() (*sdk.CreateFunctionOutput, error) {
		return l.options.Client.CreateFunction(call, &sdk.CreateFunctionInput{
			FunctionName:  &r.Name,
			Description:   aws.String("created by the probe of dualboot, which deletes it; its flag -clean finds leftovers"),
			Role:          &l.options.Role,
			Runtime:       types.Runtime(cmp.Or(spec.Runtime, lambda.ProvidedAL2023)),
			Handler:       aws.String(cmp.Or(spec.Handler, lambda.Bootstrap)),
			Architectures: []types.Architecture{types.Architecture(cmp.Or(spec.Architecture, lambda.X86_64))},
			Code:          &types.FunctionCode{ZipFile: spec.Zip},
			Environment:   &types.Environment{Variables: map[string]string{mark.Variable: cmp.Or(spec.Configuration, "1")}},
			Layers:        spec.Layers,
			MemorySize:    aws.Int32(memory),
			Timeout:       aws.Int32(timeout),
			Tags:          map[string]string{Tag: l.ID},
		})
	}, func(out *sdk.CreateFunctionOutput) any { return out })
	if err = errors.Join(err, f.Creation.Accepted.Err()); err != nil {
		return nil, err
	}
	f.Creation.Reads, err = f.wait(ctx)
	return f, err
}

// UpdateCode sends a zip, for x86_64 unless edit changes that. edit may be nil.
func (f *Function) UpdateCode(ctx context.Context, zip []byte, edit func(*sdk.UpdateFunctionCodeInput)) (Answer, error) {
	in := &sdk.UpdateFunctionCodeInput{FunctionName: &f.Name, ZipFile: zip, Architectures: []types.Architecture{types.ArchitectureX8664}}
	if edit != nil {
		edit(in)
	}
	return answer("UpdateFunctionCode", func() (*sdk.UpdateFunctionCodeOutput, error) {
		return f.run.options.Client.UpdateFunctionCode(ctx, in)
	}, func(out *sdk.UpdateFunctionCodeOutput) any { return out })
}

// Configure sends an UpdateFunctionConfiguration; it sets the function's name.
func (f *Function) Configure(ctx context.Context, in sdk.UpdateFunctionConfigurationInput) (Answer, error) {
	in.FunctionName = &f.Name
	return answer("UpdateFunctionConfiguration", func() (*sdk.UpdateFunctionConfigurationOutput, error) {
		return f.run.options.Client.UpdateFunctionConfiguration(ctx, &in)
	}, func(out *sdk.UpdateFunctionConfigurationOutput) any { return out })
}

// Marked returns the configuration with another mark.
func Marked(configuration string) sdk.UpdateFunctionConfigurationInput {
	return sdk.UpdateFunctionConfigurationInput{Environment: &types.Environment{Variables: map[string]string{mark.Variable: configuration}}}
}

// Read calls GetFunction. The answer has no URL of the zip.
func (f *Function) Read(ctx context.Context) (Answer, error) {
	a, _, err := f.Locate(ctx)
	return a, err
}

// Locate calls GetFunction and returns the presigned URL of the zip as well.
func (f *Function) Locate(ctx context.Context) (Answer, lambda.Secret, error) {
	var location lambda.Secret
	a, err := answer("GetFunction", func() (*sdk.GetFunctionOutput, error) {
		return f.run.options.Client.GetFunction(ctx, &sdk.GetFunctionInput{FunctionName: &f.Name})
	}, func(out *sdk.GetFunctionOutput) any {
		if out.Code != nil {
			location = lambda.Secret(aws.ToString(out.Code.Location))
		}
		return out.Configuration
	})
	return a, location, err
}

// Finish waits for the end of an update. The arguments are the result of
// UpdateCode or Configure. The error is a *Refusal if Lambda refused the update.
func (f *Function) Finish(ctx context.Context, accepted Answer, err error) (Update, error) {
	u := Update{Accepted: accepted}
	if err = errors.Join(err, accepted.Err()); err != nil {
		return u, err
	}
	u.Reads, err = f.wait(ctx)
	return u, err
}

// wait reads the function until neither a creation nor an update is in progress.
func (f *Function) wait(ctx context.Context) (reads []Answer, err error) {
	for start := time.Now(); time.Since(start) < slowest; {
		a, err := f.Read(ctx)
		if err = errors.Join(err, a.Err()); err != nil {
			return reads, err
		}
		reads = append(reads, a)
		if !a.Function.busy() {
			return reads, nil
		}
		if err := Sleep(ctx, f.run.options.Poll); err != nil {
			return reads, err
		}
	}
	return reads, fmt.Errorf("%s: still %s after %v", f.Name, reads[len(reads)-1].Function.LastUpdateStatus, slowest)
}

// Call is one invocation and its answer.
type Call struct {
	Sent  time.Time
	Took  time.Duration // in nanoseconds in JSON
	Mark  mark.Mark     `json:",omitzero"`
	Error string        `json:",omitempty"` // type and message of an error of the function, or of Lambda's refusal

	Throttled bool `json:",omitempty"` // the call did not reach the function
}

// Invoke invokes the function once.
func (f *Function) Invoke(ctx context.Context) Call {
	c := Call{Sent: time.Now()}
	out, err := f.run.options.Unpaced.Invoke(ctx, &sdk.InvokeInput{FunctionName: &f.Name, Payload: []byte("{}")})
	c.Took = time.Since(c.Sent)
	switch {
	case err != nil:
		c.Error = err.Error()
		if api, ok := errors.AsType[smithy.APIError](err); ok {
			c.Error = api.ErrorCode() + ": " + api.ErrorMessage()
			c.Throttled = api.ErrorCode() == "TooManyRequestsException"
		}
	case out.FunctionError != nil:
		var e struct{ ErrorType, ErrorMessage string }
		_ = json.Unmarshal(out.Payload, &e) // an error in another form has no type
		c.Error = cmp.Or(e.ErrorType, *out.FunctionError) + ": " + e.ErrorMessage
	default:
		if err := json.Unmarshal(out.Payload, &c.Mark); err != nil {
			c.Error = fmt.Sprintf("the answer is no mark: %.200q", out.Payload)
		}
	}
	return c
}
