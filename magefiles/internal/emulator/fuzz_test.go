package emulator_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/smithy-go/encoding/cbor"

	"example.com/dualboot/magefiles/internal/emulator"
)

// Whatever a signed request contains, the answer is a success or an error of the
// caller, never a failure of the service.
func FuzzRequests(f *testing.F) {
	for _, seed := range [][3]string{
		{"GET", "/2015-03-31/functions?MaxItems=1&Marker=Zg", ""},
		{"GET", "/2015-03-31/functions/f?Qualifier=$LATEST", ""},
		{"GET", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af/configuration", ""},
		{"POST", "/2015-03-31/functions", `{"FunctionName":"f","Role":"arn:aws:iam::123456789012:role/x","Handler":"x","Runtime":"go1.x","Code":{"ZipFile":"UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="}}`},
		{"POST", "/2015-03-31/functions", `{"FunctionName":"image","Role":"arn:aws:iam::123456789012:role/x","PackageType":"Image","Code":{"ImageUri":"x"},"Tags":null}`},
		{"PUT", "/2015-03-31/functions/f/configuration", `{"Environment":{"Variables":{"AB":"x"}},"Timeout":3,"Architectures":[]}`},
		{"PUT", "/2015-03-31/functions/f/code", `{"ZipFile":"UEs=","Architectures":["arm64"],"DryRun":true}`},
		{"POST", "/2015-03-31/functions/image/invocations", `{"a":1}`},
		{"POST", "/2015-03-31/functions/f/versions", `{"CodeSha256":"x","Description":"","RevisionId":null}`},
		{"GET", "/2015-03-31/functions/f/versions?MaxItems=1", ""},
		{"POST", "/2015-03-31/functions/f/aliases", `{"Name":"live","FunctionVersion":"$LATEST","RoutingConfig":{"AdditionalVersionWeights":{"1":0.5}}}`},
		{"PUT", "/2015-03-31/functions/f/aliases/live", `{"FunctionVersion":"1","RoutingConfig":{}}`},
		{"POST", "/2015-03-31/functions/f/invocations?Qualifier=live", ""},
		{"DELETE", "/2015-03-31/functions/f?Qualifier=1", ""},
		{"DELETE", "/2015-03-31/functions/f", ""},
		{"POST", "/", "Action=GetCallerIdentity&Version=2011-06-15"},
		{"POST", "/2015-03-31/event-source-mappings", `{"FunctionName":"f","EventSourceArn":"arn:aws:kinesis:::stream/s","StartingPosition":"AT_TIMESTAMP","StartingPositionTimestamp":1.5,"MaximumRecordAgeInSeconds":-1}`},
		{"GET", "/2015-03-31/event-source-mappings?FunctionName=f&Marker=Zg", ""},
		{"POST", "/service/GraniteServiceVersion20100801/operation/GetMetricData", string(cbor.Encode(cbor.Map{
			"StartTime": &cbor.Tag{ID: 1, Value: cbor.Uint(0)}, "EndTime": &cbor.Tag{ID: 1, Value: cbor.Float64(2e9)}, "MaxDatapoints": cbor.NegInt(1),
			"MetricDataQueries": cbor.List{cbor.Map{"Id": cbor.String("q"), "MetricStat": cbor.Map{"Period": cbor.Uint(60), "Stat": cbor.String("Sum")}}},
		}))},
		{"PATCH", "/%zz", "null"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	s, err := emulator.Start(emulator.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, method, path, body string) {
		if !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
		r := signed{method: method, path: path, body: body, header: map[string]string{}}
		if strings.HasPrefix(path, "/service/") {
			r.service, r.header["Smithy-Protocol"] = "monitoring", "rpc-v2-cbor"
		}
		if method == "POST" && path == "/" {
			r.service = "sts"
		}
		request, err := r.request(s)
		if err != nil {
			return // there is no such request
		}
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			return // it cannot be sent
		}
		defer response.Body.Close()
		if response.StatusCode >= 500 {
			t.Errorf("%s %s with %q answers %s", method, path, body, response.Status)
		}
		if strings.TrimSpace(response.Header.Get("X-Amzn-RequestId")) == "" && response.StatusCode != 400 {
			t.Errorf("%s %s has no request ID", method, path)
		}
	})
}
