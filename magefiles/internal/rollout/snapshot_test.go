package rollout_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/lambdatest"
	"example.com/dualboot/magefiles/internal/rollout"
)

// insurable is a fleet that deploys with snapshots.
var insurable = members[:1]

// uninsured starts a world before the first deploy, which is to publish snapshots.
// Each function has two event source mappings.
func uninsured(zips worldZips) (*world, error) {
	w, err := before(zips, insurable)
	if err != nil {
		return nil, err
	}
	return w, w.insure()
}

// insured starts a world after such a deploy, in which AWS lets no function return.
func insured(zips worldZips) (*world, error) {
	w, err := newWorld(zips, insurable, emulator.Options{Withdrawn: []string{lambda.Go1x}}, func(m member) ([]byte, error) {
		return zips.of[m.name].Dual.Read()
	})
	if err != nil {
		return nil, err
	}
	if err := w.insure(); err != nil {
		return nil, err
	}
	for _, m := range insurable {
		if _, err := w.client().PublishVersion(context.Background(), &sdk.PublishVersionInput{FunctionName: &m.name, Description: aws.String(lambda.SnapshotMark)}); err != nil {
			return nil, errors.Join(err, w.server.Close())
		}
	}
	return w, w.move()
}

// fallen starts such a world after a rollback that has pointed the event source
// mappings to the snapshots.
func fallen(zips worldZips) (*world, error) {
	w, err := insured(zips)
	if err != nil {
		return nil, err
	}
	if err := w.run(context.Background(), &network{}, fleet.Rollback); err != nil {
		return nil, errors.Join(err, w.server.Close())
	}
	return w, w.mapped("1")
}

// sources are the event sources of each function, and what else is mapped to it.
func sources(function string) []string {
	return []string{"arn:aws:kinesis:us-east-1:123456789012:stream/" + function, "arn:aws:sqs:us-east-1:123456789012:" + function}
}

// insure asks for snapshots, and creates event source mappings.
func (w *world) insure() error {
	for i, m := range w.members {
		w.goals[i].Snapshot = true
		for _, source := range sources(m.name) {
			in := &sdk.CreateEventSourceMappingInput{FunctionName: &m.name, EventSourceArn: &source}
			if source == sources(m.name)[0] {
				in.StartingPosition = types.EventSourcePositionLatest
			}
			if _, err := w.client().CreateEventSourceMapping(context.Background(), in); err != nil {
				return errors.Join(err, w.server.Close())
			}
		}
	}
	return nil
}

// mapped returns an error unless the event source mappings of all functions are
// enabled and invoke the version, or with "" the function without one.
func (w *world) mapped(version string) error {
	for _, m := range w.members {
		want := "arn:aws:lambda:us-east-1:123456789012:function:" + m.name
		if version != "" {
			want += ":" + version
		}
		for _, source := range sources(m.name) {
			out, err := w.client().ListEventSourceMappings(context.Background(), &sdk.ListEventSourceMappingsInput{EventSourceArn: &source})
			if err != nil {
				return err
			}
			for _, c := range out.EventSourceMappings {
				if *c.FunctionArn != want || *c.State != "Enabled" {
					return fmt.Errorf("%s is mapped to %s, %s; want %s", source, *c.FunctionArn, *c.State, want)
				}
			}
			if len(out.EventSourceMappings) != 1 {
				return fmt.Errorf("%s has %d mappings", source, len(out.EventSourceMappings))
			}
		}
	}
	return nil
}

// snapshots returns an error unless each function has one version, which is what the
// function was directly before the switch.
func (w *world) snapshots() error {
	for _, m := range w.members {
		out, err := w.client().ListVersionsByFunction(context.Background(), &sdk.ListVersionsByFunctionInput{FunctionName: &m.name})
		if err != nil {
			return err
		}
		versions := slices.DeleteFunc(out.Versions, func(c types.FunctionConfiguration) bool { return *c.Version == "$LATEST" })
		if len(versions) != 1 || string(versions[0].Runtime) != m.runtime || *versions[0].Handler != m.handler || *versions[0].CodeSha256 != w.zips.of[m.name].Dual.CodeSha256 {
			return fmt.Errorf("%s has the versions %+v", m.name, versions)
		}
	}
	return nil
}

// TestSnapshotSteps checks the order of the steps of a deploy with a snapshot.
func TestSnapshotSteps(t *testing.T) {
	zips := writeWorldZips(t, "new")
	synctest.Test(t, func(t *testing.T) {
		w, err := uninsured(zips)
		if err != nil {
			t.Fatal(err)
		}
		defer w.server.Close()
		var steps []string
		cfg, found := w.server.Config(), false
		cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Has("Qualifier") && !found {
				found = true
				return lambdatest.Response(r, http.StatusNotFound, "ResourceNotFoundException", `{"Message": "Function not found"}`), nil
			}
			return w.network.RoundTrip(r)
		})}
		r := rollout.New(sdk.NewFromConfig(cfg), rollout.Options{HTTP: cfg.HTTPClient, Events: func(e fleet.Event) {
			if !e.Queued {
				steps = append(steps, e.Step.Kind.String())
			}
		}})
		f := &w.goals[0]
		r.Observe(t.Context(), f)
		r.Look(t.Context(), f)
		r.Apply(t.Context(), f)
		want := "Inspect UpdateFunctionCode Wait Settle PublishVersion UpdateFunctionConfiguration Wait"
		if got := strings.Join(steps, " "); !found || f.Err != nil || got != want || f.Current.Insurance.Newest() != "1" {
			t.Errorf("snapshot %q, %v, steps\n%s\nwant\n%s", f.Current.Insurance.Newest(), f.Err, got, want)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestRefusedSnapshot says how to deploy where AWS publishes no version.
func TestRefusedSnapshot(t *testing.T) {
	zips := writeWorldZips(t, "new")
	for code, message := range map[string]string{
		"CodeStorageExceededException":   "Code storage limit exceeded.",
		"InvalidParameterValueException": "The runtime parameter of go1.x is no longer supported for creating or updating AWS Lambda functions.",
	} {
		synctest.Test(t, func(t *testing.T) {
			w, err := uninsured(zips)
			if err != nil {
				t.Fatal(err)
			}
			defer w.server.Close()
			refusal := &fault{do: func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
				if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/versions") {
					return lambdatest.Response(r, http.StatusBadRequest, code, fmt.Sprintf(`{"message": %q}`, message)), nil
				}
				return send()
			}}
			err = w.run(t.Context(), &network{fault: refusal, at: 1, persist: true, struck: func() {}}, fleet.Deploy)
			if got := fmt.Sprint(err); !strings.Contains(got, message) || !strings.Contains(got, `"snapshot"`) || !strings.Contains(got, "false") {
				t.Errorf("got %s", got)
			}
		})
	}
}

// TestRefusedRollback rolls back a function that AWS lets not return, after changes by
// others before or during the rollback.
func TestRefusedRollback(t *testing.T) {
	zips := writeWorldZips(t, "new")
	name := aws.String(insurable[0].name)
	for _, test := range []struct {
		name           string
		before, during func(_ *world, client *sdk.Client, mappings []string) error
		moved          int    // mappings to version 1
		want           string // of the error
	}{
		{name: "two mappings", moved: 2},
		{name: "not asked for", before: func(w *world, _ *sdk.Client, _ []string) error {
			w.goals[0].Snapshot = false
			return nil
		}, want: `; AWS no longer knows go1.x, and no function can return to it; for functions that are not migrated yet, set "snapshot" to true in lambdas.json`},
		{name: "without a snapshot", before: func(_ *world, client *sdk.Client, _ []string) error {
			_, err := client.DeleteFunction(context.Background(), &sdk.DeleteFunctionInput{FunctionName: name, Qualifier: aws.String("1")})
			return err
		}, want: "AWS refuses the return, and it has no snapshot, a version that a deploy has published before the switch; AWS says: "},
		{name: "without mappings", before: func(_ *world, client *sdk.Client, mappings []string) error {
			return errors.Join(remove(client, mappings[0]), remove(client, mappings[1]))
		}, want: "and no event source mapping of it can be pointed to its snapshot: point what invokes it to version 1, arn:aws:lambda:us-east-1:123456789012:function:legacy:1"},
		{name: "mapping of an alias", before: func(_ *world, client *sdk.Client, mappings []string) error {
			_, err := client.CreateAlias(context.Background(), &sdk.CreateAliasInput{FunctionName: name, Name: aws.String("live"), FunctionVersion: aws.String("$LATEST")})
			return errors.Join(err, repoint(client, mappings[0], "legacy:live"))
		}, moved: 1},
		{name: "mapping of $LATEST", before: func(_ *world, client *sdk.Client, mappings []string) error {
			return repoint(client, mappings[0], "legacy:$LATEST")
		}, moved: 2},
		{name: "mapping that is deleted meanwhile", during: func(_ *world, client *sdk.Client, mappings []string) error {
			return remove(client, mappings[0])
		}, moved: 1},
		{name: "mapping that is moved meanwhile", during: func(_ *world, client *sdk.Client, mappings []string) error {
			_, err := client.PublishVersion(context.Background(), &sdk.PublishVersionInput{FunctionName: name})
			return errors.Join(err, repoint(client, mappings[0], "legacy:2"))
		}, moved: 1},
		{name: "newer snapshot", before: func(_ *world, client *sdk.Client, _ []string) error {
			return publish(client, zips, lambda.SnapshotMark)
		}, want: "and its snapshot, version 2, is on provided.al2"},
		{name: "zip of another tool since", before: func(w *world, client *sdk.Client, _ []string) error {
			w.goals[0].Function.Handler, w.goals[0].Zips = insurable[0].handler, lambda.Zips{} // as the command does
			data, err := other(zips)
			if err != nil {
				return err
			}
			_, err = client.UpdateFunctionCode(context.Background(), &sdk.UpdateFunctionCodeInput{FunctionName: name, ZipFile: data})
			return err
		}, moved: 2},
		{name: "newer version that is no snapshot", before: func(_ *world, client *sdk.Client, _ []string) error {
			return publish(client, zips, "by hand")
		}, moved: 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, err := insured(zips)
				if err != nil {
					t.Fatal(err)
				}
				defer w.server.Close()
				mappings, err := w.uuids()
				if err == nil && test.before != nil {
					err = test.before(w, w.client(), mappings)
				}
				if err != nil {
					t.Fatal(err)
				}
				pass(updateTime)
				once := sync.OnceValue(func() error { return test.during(w, w.client(), mappings) })
				meanwhile := &fault{do: func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
					if test.during != nil && strings.Contains(r.URL.Path, "/event-source-mappings/") {
						if err := once(); err != nil {
							t.Error(err)
						}
					}
					return send()
				}}
				err = w.run(t.Context(), &network{fault: meanwhile, at: 1, persist: true, struck: func() {}}, fleet.Rollback)
				if got := fmt.Sprint(err); (err == nil) != (test.want == "") || !strings.Contains(got, test.want) {
					t.Errorf("got %s\nwant %s", got, test.want)
				}
				moved, err := w.client().ListEventSourceMappings(t.Context(), &sdk.ListEventSourceMappingsInput{FunctionName: aws.String(*name + ":1")})
				if err != nil || len(moved.EventSourceMappings) != test.moved {
					t.Errorf("%d mappings were moved, want %d: %v", len(moved.EventSourceMappings), test.moved, err)
				}
			})
		})
	}
}

// other returns the zip of the first function as another tool makes it.
func other(zips worldZips) ([]byte, error) {
	data, err := zips.of[insurable[0].name].Dual.Read()
	if err != nil {
		return nil, err
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range r.File {
		err = errors.Join(err, w.Copy(f))
	}
	err = errors.Join(err, w.Close())
	return out.Bytes(), err
}

// TestMappingsAsListed rolls back a function of which AWS lists all mappings, also those
// to an alias, and waits for a mapping that somebody else is changing.
func TestMappingsAsListed(t *testing.T) {
	zips := writeWorldZips(t, "new")
	synctest.Test(t, func(t *testing.T) {
		w, err := insured(zips)
		if err != nil {
			t.Fatal(err)
		}
		defer w.server.Close()
		name := insurable[0].name
		mappings, err := w.uuids()
		if err == nil {
			_, err = w.client().CreateAlias(t.Context(), &sdk.CreateAliasInput{FunctionName: &name, Name: aws.String("live"), FunctionVersion: aws.String("$LATEST")})
		}
		if err := errors.Join(err, repoint(w.client(), mappings[0], name+":live")); err != nil {
			t.Fatal(err)
		}
		const arn = "arn:aws:lambda:us-east-1:123456789012:function:legacy"
		changing := 5
		listing := &fault{do: func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
			switch mapping := strings.Contains(r.URL.Path, "/event-source-mappings/"+mappings[1]); {
			case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/event-source-mappings"):
				return lambdatest.Response(r, http.StatusOK, "", fmt.Sprintf(`{"EventSourceMappings": [{"UUID": %q, "FunctionArn": %q, "State": "Enabled"}, {"UUID": %q, "FunctionArn": %q, "State": "Enabled"}]}`,
					mappings[0], arn+":live", mappings[1], arn)), nil
			case mapping && r.Method == http.MethodGet && changing > 0:
				changing--
				return lambdatest.Response(r, http.StatusOK, "", fmt.Sprintf(`{"UUID": %q, "FunctionArn": %q, "State": "Disabling"}`, mappings[1], arn)), nil
			case mapping && r.Method == http.MethodPut && changing > 0:
				t.Error("a mapping is changed while another change of it is in progress")
			}
			return send()
		}}
		if err := w.run(t.Context(), &network{fault: listing, at: 1, persist: true, struck: func() {}}, fleet.Rollback); err != nil {
			t.Error(err)
		}
		for i, want := range []string{arn + ":live", arn + ":1"} {
			out, err := w.client().GetEventSourceMapping(t.Context(), &sdk.GetEventSourceMappingInput{UUID: &mappings[i]})
			if err != nil || *out.FunctionArn != want {
				t.Errorf("mapping %d invokes %+v, want %s: %v", i, out, want, err)
			}
		}
	})
}

// uuids returns the UUIDs of the mappings of the first function, in the order in which
// they are moved.
func (w *world) uuids() (list []string, err error) {
	out, err := w.client().ListEventSourceMappings(context.Background(), &sdk.ListEventSourceMappingsInput{FunctionName: &w.members[0].name})
	if err != nil {
		return nil, err
	}
	for _, c := range out.EventSourceMappings {
		list = append(list, *c.UUID)
	}
	slices.Sort(list)
	return list, nil
}

func remove(client *sdk.Client, uuid string) error {
	_, err := client.DeleteEventSourceMapping(context.Background(), &sdk.DeleteEventSourceMappingInput{UUID: &uuid})
	return err
}

func repoint(client *sdk.Client, uuid, function string) error {
	_, err := client.UpdateEventSourceMapping(context.Background(), &sdk.UpdateEventSourceMappingInput{UUID: &uuid, FunctionName: &function})
	pass(updateTime)
	return err
}

// publish publishes a version of the first function, on provided.al2 with another zip,
// and makes the function what it was.
func publish(client *sdk.Client, zips worldZips, description string) error {
	name := aws.String(insurable[0].name)
	ctx := context.Background()
	update := func(runtime types.Runtime, of string) error {
		zip, err := zips.of[of].Dual.Read()
		if err != nil {
			return err
		}
		if _, err = client.UpdateFunctionCode(ctx, &sdk.UpdateFunctionCodeInput{FunctionName: name, ZipFile: zip}); err != nil {
			return err
		}
		pass(updateTime)
		_, err = client.UpdateFunctionConfiguration(ctx, &sdk.UpdateFunctionConfigurationInput{FunctionName: name, Runtime: runtime})
		pass(updateTime)
		return err
	}
	if err := update(types.RuntimeProvidedal2, "al2"); err != nil {
		return err
	}
	if _, err := client.PublishVersion(ctx, &sdk.PublishVersionInput{FunctionName: name, Description: &description}); err != nil {
		return err
	}
	return update(types.RuntimeProvidedal2023, *name)
}

// TestPublishedBefore deploys a function of which somebody else has published the very
// version that is to be the snapshot, and mapped an event source to it: AWS publishes no
// other one. What is mapped to it stays.
func TestPublishedBefore(t *testing.T) {
	zips := writeWorldZips(t, "new")
	synctest.Test(t, func(t *testing.T) {
		w, err := newWorld(zips, insurable, emulator.Options{Withdrawn: []string{lambda.Go1x}}, func(m member) ([]byte, error) {
			return zips.of[m.name].Dual.Read()
		})
		if err != nil {
			t.Fatal(err)
		}
		defer w.server.Close()
		mappings, err := []string(nil), w.insure()
		if err == nil {
			_, err = w.client().PublishVersion(t.Context(), &sdk.PublishVersionInput{FunctionName: &insurable[0].name, Description: aws.String("release 1")})
		}
		if err == nil {
			mappings, err = w.uuids()
		}
		for _, uuid := range mappings {
			err = errors.Join(err, repoint(w.client(), uuid, insurable[0].name+":1"))
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := errors.Join(w.run(t.Context(), &network{}, fleet.Deploy), w.mapped("1")); err != nil {
				t.Error(err)
			}
		}
		const want = "it has no snapshot: AWS published none, because version 1, which somebody else has published, is the same"
		if err := w.run(t.Context(), &network{}, fleet.Rollback); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v\nwant %s", err, want)
		}
		if err := w.mapped("1"); err != nil {
			t.Error(err)
		}
	})
}

// TestOlderSnapshot points back what a rollback has pointed to a snapshot, although a
// newer one was published since: a deploy was killed before it got there.
func TestOlderSnapshot(t *testing.T) {
	zips := writeWorldZips(t, "new")
	synctest.Test(t, func(t *testing.T) {
		w, err := fallen(zips)
		if err != nil {
			t.Fatal(err)
		}
		defer w.server.Close()
		if err := publish(w.client(), zips, lambda.SnapshotMark); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.run(t.Context(), &network{}, fleet.Deploy), w.mapped("")); err != nil {
			t.Error(err)
		}
	})
}
