package emulator_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/account"
	accounttypes "github.com/aws/aws-sdk-go-v2/service/account/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"example.com/dualboot/magefiles/internal/emulator"
)

// TestCloud reads functions of two accounts and two regions behind one endpoint with
// the keys of one user, who assumes a role in the other account.
func TestCloud(t *testing.T) {
	t.Parallel()
	const mine, theirs, role = "111111111111", "222222222222", "arn:aws:iam::222222222222:role/path/reader"
	cloud, err := emulator.StartCloud(emulator.CloudOptions{
		Options: emulator.Options{Account: mine, Region: "eu-west-1"},
		Regions: []string{"ap-northeast-1"},
		Roles:   []string{role},
		Deny: func(account, region, operation string) bool {
			return account == mine && region == "us-east-1" && operation == "ListFunctions"
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.Close() })
	for _, in := range [][3]string{{mine, "eu-west-1", "a"}, {mine, "ap-northeast-1", "b"}, {theirs, "ap-northeast-1", "c"}} {
		s, err := cloud.Server(in[0], in[1])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := lambda.NewFromConfig(s.Config()).CreateFunction(t.Context(), function(in[2], types.RuntimeProvidedal2023, smallZip(t))); err != nil {
			t.Fatal(err)
		}
	}
	home, err := cloud.Home()
	if err != nil {
		t.Fatal(err)
	}
	assumed := home.Config()
	assumed.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(home.Config()), role, func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = "me" }))
	list := func(cfg aws.Config, region string) (names []string, err error) {
		out, err := lambda.NewFromConfig(cfg, func(o *lambda.Options) { o.Region = region }).ListFunctions(t.Context(), nil)
		if err != nil {
			return nil, err
		}
		for _, f := range out.Functions {
			names = append(names, *f.FunctionName)
		}
		return names, nil
	}
	for _, test := range []struct {
		cfg          aws.Config
		region, want string
	}{
		{home.Config(), "eu-west-1", "a"}, {home.Config(), "ap-northeast-1", "b"},
		{assumed, "eu-west-1", ""}, {assumed, "ap-northeast-1", "c"}, {assumed, "us-east-1", ""},
	} {
		names, err := list(test.cfg, test.region)
		if err != nil || len(names) > 1 || len(names) == 1 && names[0] != test.want || len(names) == 0 && test.want != "" {
			t.Errorf("%s: %v, %v; want %q", test.region, names, err, test.want)
		}
	}
	caller, err := sts.NewFromConfig(assumed).GetCallerIdentity(t.Context(), nil)
	if err != nil || *caller.Account != theirs || *caller.Arn != "arn:aws:sts::222222222222:assumed-role/reader/me" {
		t.Errorf("%+v, %v", caller, err)
	}

	const token = "The security token included in the request is invalid."
	_, err = list(home.Config(), "me-south-1")
	wantError(t, err, 403, "UnrecognizedClientException", token)
	_, err = sts.NewFromConfig(assumed, func(o *sts.Options) { o.Region = "me-south-1" }).GetCallerIdentity(t.Context(), nil)
	wantError(t, err, 403, "InvalidClientTokenId", token)
	_, err = list(home.Config(), "us-east-1")
	wantError(t, err, 403, "AccessDeniedException", "User: arn:aws:iam::111111111111:user/emulator is not authorized to perform: lambda:ListFunctions on resource: *")
	stolen := assumed.Copy()
	stolen.Credentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		keys, err := assumed.Credentials.Retrieve(ctx)
		keys.SessionToken = "x"
		return keys, err
	})
	_, err = list(stolen, "ap-northeast-1")
	wantError(t, err, 403, "UnrecognizedClientException", token)

	regions, err := account.NewFromConfig(assumed).ListRegions(t.Context(), &account.ListRegionsInput{
		RegionOptStatusContains: []accounttypes.RegionOptStatus{accounttypes.RegionOptStatusEnabled, accounttypes.RegionOptStatusEnabledByDefault},
	})
	if err != nil || len(regions.Regions) != 3 || *regions.Regions[0].RegionName != "ap-northeast-1" {
		t.Errorf("%+v, %v", regions, err)
	}

	// A download has no signature.
	theirServer, err := cloud.Server(theirs, "ap-northeast-1")
	if err != nil {
		t.Fatal(err)
	}
	out, err := lambda.NewFromConfig(theirServer.Config()).GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("c")})
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Get(*out.Code.Location)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); response.StatusCode != 200 || string(body) != string(smallZip(t)) {
		t.Errorf("download: %s", response.Status)
	}
	if got := cloud.Calls(); got["AssumeRole"] != 1 || got["ListFunctions"] != 8 {
		t.Errorf("calls are %v", got)
	}
}
