package rollout_test

import (
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
)

// TestZones switches a function to whose zip a time zone database was added. It gets
// one more variable and keeps the others, also after a rollback.
func TestZones(t *testing.T) {
	zips := writeWorldZips(t, "new").unpack(t)
	zips.of["orphan"].Dual.Zones = true
	synctest.Test(t, func(t *testing.T) {
		w, err := before(zips, orphans)
		if err != nil {
			t.Fatal(err)
		}
		defer w.server.Close()
		client := w.client()
		if _, err := client.UpdateFunctionConfiguration(t.Context(), &sdk.UpdateFunctionConfigurationInput{
			FunctionName: aws.String("orphan"), Environment: &types.Environment{Variables: map[string]string{"KEY": "secret", "EMPTY": ""}},
		}); err != nil {
			t.Fatal(err)
		}
		pass(updateTime)
		want := map[string]string{"KEY": "secret", "EMPTY": "", lambda.ZonesVariable: lambda.ZonesPath}
		for _, action := range []fleet.Action{fleet.Deploy, fleet.Rollback, fleet.Deploy} {
			if err := w.run(t.Context(), &network{}, action); err != nil {
				t.Fatal(err)
			}
			got, err := client.GetFunctionConfiguration(t.Context(), &sdk.GetFunctionConfigurationInput{FunctionName: aws.String("orphan")})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.Environment.Variables); diff != "" {
				t.Errorf("after %v: %s", action, diff)
			}
		}
	})
}
