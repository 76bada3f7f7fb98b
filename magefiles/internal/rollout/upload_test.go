package rollout_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/lambdatest"
	"example.com/dualboot/magefiles/internal/rollout"
)

// TestUpload deploys a package that is too large for a request.
func TestUpload(t *testing.T) {
	large := &lambda.Package{
		Path: "bin/a/lambda.zip", Architecture: lambda.X86_64, Legacy: "lambda", Files: []string{"bootstrap", "lambda"}, CodeSha256: "large", Size: lambda.MaxZipped,
	}
	denied := errors.New("sending bin/a/lambda.zip to s3://packages/key: AccessDenied")
	for _, test := range []struct {
		name    string
		uploads []error // of the first run; the further ones succeed
		took    time.Duration
		refuse  bool // Lambda refuses the first update
		err     string
		calls   []string
	}{
		{
			name:  "a migration",
			calls: []string{"0s get a", "0s zip old", "0s code a", "1s get a", "61s get a", "61s config a", "62s get a"},
		},
		{
			name: "the upload fails", uploads: []error{denied},
			err:   `updating the code of "a": ` + denied.Error(),
			calls: []string{"0s get a", "0s zip old"},
		},
		{
			name: "the upload is interrupted", took: time.Hour,
			err:   `updating the code of "a": interrupted, and AWS did not answer within 4s; an update may have taken effect: context canceled`,
			calls: []string{"0s get a", "0s zip old"},
		},
		{
			name: "Lambda cannot read the object", refuse: true,
			err:   `updating the code of "a": InvalidParameterValueException: Your access has been denied by S3`,
			calls: []string{"0s get a", "0s zip old", "0s code a"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLambda("a")
				l.Objects = map[string]string{"packages/key": "large"}
				if test.refuse {
					refused := false
					l.Before = func(call lambdatest.Call) *lambdatest.Error {
						if call.Operation != lambdatest.Code || refused {
							return nil
						}
						refused = true
						return &lambdatest.Error{Status: 400, Code: "InvalidParameterValueException", Message: "Your access has been denied by S3"}
					}
				}
				uploads, took := test.uploads, test.took
				r := newRollout(l, rollout.Options{Upload: func(ctx context.Context, p *lambda.Package) (string, error) {
					if p != large {
						t.Errorf("it uploads %v", p)
					}
					select {
					case <-ctx.Done():
						return "", ctx.Err()
					case <-time.After(took):
					}
					if len(uploads) > 0 {
						err := uploads[0]
						uploads = uploads[1:]
						return "", err
					}
					return "key", nil
				}})
				deployLarge := func(ctx context.Context) error {
					f := functions(lambda.Zips{Dual: large}, deploy, "a")[0]
					f.Environment.Bucket = "packages"
					observe(ctx, r, f)
					r.Apply(ctx, f)
					return fleet.Errors([]*fleet.Function{f})
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				err := deployLarge(ctx)
				if want := "1 of 1 functions failed:\n  - " + test.err; (test.err != "" || err != nil) && message(err) != want {
					t.Errorf("error\n%v\nwant\n%s", err, want)
				}
				if diff := cmp.Diff(test.calls, l.Log()); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}

				// The same command finishes the job.
				took = 0
				if err := deployLarge(t.Context()); err != nil {
					t.Errorf("a second run: %v", err)
				}
				if f := l.Function("a"); f.Runtime != types.RuntimeProvidedal2023 || *f.CodeSha256 != "large" {
					t.Errorf("it ends on %s with %s", f.Runtime, *f.CodeSha256)
				}
			})
		})
	}
}
