package rollout_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/lambdatest"
)

// publish publishes a version of a layer and returns its ARN.
func (w *world) publish(name string, zip []byte) (arn string, err error) {
	out, err := w.client().PublishLayerVersion(context.Background(), &sdk.PublishLayerVersionInput{
		LayerName: &name, Content: &types.LayerVersionContentInput{ZipFile: zip},
	})
	if err != nil {
		return "", err
	}
	return *out.LayerVersionArn, nil
}

// attach sets the layers of a function.
func (w *world) attach(function string, arns ...string) error {
	_, err := w.client().UpdateFunctionConfiguration(context.Background(), &sdk.UpdateFunctionConfigurationInput{FunctionName: &function, Layers: arns})
	pass(updateTime)
	return err
}

// meddler does something right before the first update of a configuration.
type meddler struct {
	http.RoundTripper
	meddle func() error
}

func (m *meddler) RoundTrip(r *http.Request) (*http.Response, error) {
	if meddle := m.meddle; meddle != nil && r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/configuration") {
		m.meddle = nil
		if err := meddle(); err != nil {
			return nil, err
		}
	}
	return m.RoundTripper.RoundTrip(r)
}

// TestLayers deploys a function over the bridge that has other layers, which stay, in
// their order.
func TestLayers(t *testing.T) {
	zips := writeWorldZips(t, "new").unpack(t)
	published := func(zip []byte) func(*world) error {
		return func(w *world) error { _, err := w.publish(bridge.Name, zip); return err }
	}
	for name, test := range map[string]struct {
		prepare func(*world) error // before the deploy
		meddle  func(*world) error // before the layer is attached
		calls   int                // of PublishLayerVersion, by the deploy
		left    []string           // versions of the layer
	}{
		"no layer":        {calls: 1},
		"the same layer":  {prepare: published(bridge.Zip), calls: 0},
		"another content": {prepare: published(lambdatest.Executables("x")), calls: 1},
		"used by a version of another function": {prepare: func(w *world) error {
			arn, err := w.publish(bridge.Name, bridge.Zip)
			user := member{name: "user", runtime: lambda.ProvidedAL2023, handler: "main"}
			err = errors.Join(err, w.create(user, lambdatest.Executables("main")))
			pass(updateTime)
			err = errors.Join(err, w.attach(user.name, arn))
			_, published := w.client().PublishVersion(context.Background(), &sdk.PublishVersionInput{FunctionName: &user.name})
			pass(updateTime)
			other, failed := w.publish("other", lambdatest.Executables("x"))
			return errors.Join(err, published, failed, w.attach(user.name, other)) // its version keeps the layer
		}, calls: 0, left: []string{"1"}},
		"deleted by another run": {meddle: func(w *world) error {
			_, err := w.client().DeleteLayerVersion(context.Background(), &sdk.DeleteLayerVersionInput{LayerName: &bridge.Name, VersionNumber: new(int64(1))})
			return err
		}, calls: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, err := overBridge(zips)
				if err != nil {
					t.Fatal(err)
				}
				defer w.server.Close()
				var own []string
				for _, name := range []string{"z", "a"} {
					arn, err := w.publish(name, lambdatest.Executables(name))
					if err != nil {
						t.Fatal(err)
					}
					own = append(own, arn)
				}
				if err := w.attach(stranded[0].name, own...); err != nil {
					t.Fatal(err)
				}
				if test.prepare != nil {
					if err := test.prepare(w); err != nil {
						t.Fatal(err)
					}
				}
				before := w.server.Calls()["PublishLayerVersion"]
				client := w.network
				if test.meddle != nil {
					w.network = &meddler{client, func() error { return test.meddle(w) }}
				}
				if err := w.run(t.Context(), &network{}, fleet.Deploy); err != nil {
					t.Fatal(err)
				}
				if calls := w.server.Calls()["PublishLayerVersion"] - before; calls != test.calls {
					t.Errorf("it publishes %d layers, want %d", calls, test.calls)
				}
				versions, err := w.client().ListLayerVersions(t.Context(), &sdk.ListLayerVersionsInput{LayerName: &bridge.Name})
				if err != nil {
					t.Fatal(err)
				}
				var left []string
				for _, v := range versions.LayerVersions {
					left = append(left, (*v.LayerVersionArn)[strings.LastIndexByte(*v.LayerVersionArn, ':')+1:])
				}
				if diff := cmp.Diff(test.left, left); diff != "" {
					t.Errorf("versions that are left (-want +got):\n%s", diff)
				}
				w.server.Close() // after that all deployments are known
				wantLayers(t, w, own)
			})
		})
	}
}

// wantLayers checks the layers of all deployments of a function after those of its own
// were attached: these, and the bridge after them for a while.
func wantLayers(t *testing.T, w *world, own []string) {
	t.Helper()
	if err := w.invariant(); err != nil {
		t.Error(err)
	}
	bridged := 0
	served := w.served[stranded[0].name][1:]
	for _, d := range served {
		others := slices.DeleteFunc(slices.Clone(d.Layers), lambda.IsBridge)
		if len(others) < len(d.Layers) {
			bridged++
		}
		if !slices.Equal(others, own) || len(others) < len(d.Layers) && lambda.IsBridge(d.Layers[0]) {
			t.Errorf("there was a moment with the layers %q", d.Layers)
		}
	}
	if last := served[len(served)-1]; bridged < 3 || !slices.Equal(last.Layers, own) {
		t.Errorf("it had the bridge in %d deployments, and ends with the layers %q", bridged, last.Layers)
	}
}

// TestChangesOverBridge deploys over the bridge while somebody else changes the function
// in each settle delay, twice in the first one, and deletes its own layer.
func TestChangesOverBridge(t *testing.T) {
	zips := writeWorldZips(t, "new").unpack(t)
	synctest.Test(t, func(t *testing.T) {
		w, err := overBridge(zips)
		if err != nil {
			t.Fatal(err)
		}
		defer w.server.Close()
		name, own := stranded[0].name, "own"
		arn, err := w.publish(own, lambdatest.Executables("x"))
		if err == nil {
			err = w.attach(name, arn)
		}
		if err != nil {
			t.Fatal(err)
		}
		pass(10 * settle)
		for _, at := range []time.Duration{8, 20, 54} {
			time.AfterFunc(at*time.Millisecond, func() {
				_, err := w.client().UpdateFunctionConfiguration(context.Background(), &sdk.UpdateFunctionConfigurationInput{FunctionName: &name, Description: new(at.String())})
				if err != nil {
					t.Error(err)
				}
			})
		}
		time.AfterFunc(60*time.Millisecond, func() {
			if _, err := w.client().DeleteLayerVersion(context.Background(), &sdk.DeleteLayerVersionInput{LayerName: &own, VersionNumber: new(int64(1))}); err != nil {
				t.Error(err)
			}
		})
		want := "Layer version " + arn + " does not exist."
		if err := w.run(t.Context(), &network{}, fleet.Deploy); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "replace it in the function on AWS") {
			t.Errorf("deploy with a deleted layer: %v, want %s", err, want)
		}
		if arn, err = w.publish(own, lambdatest.Executables("y")); err == nil {
			err = w.attach(name, arn)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := w.run(t.Context(), &network{}, fleet.Deploy); err != nil {
			t.Error(err)
		}
	})
}
