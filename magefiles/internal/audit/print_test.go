package audit

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
)

func TestPrint(t *testing.T) {
	for _, test := range []struct {
		name   string
		client *fake
		want   string
	}{
		{"a fleet", fleet(), `
FUNCTION  RUNTIME                DEPRECATED                 UPDATES BLOCKED          COVERED BY
alone     go1.x                  2024-01-08, 1049 days ago  2027-03-03, in 101 days  -
idle      go1.x (versions only)  2024-01-08, 1049 days ago  2027-03-03, in 101 days  -
moved     go1.x (versions only)  2024-01-08, 1049 days ago  2027-03-03, in 101 days  -
orders    go1.x                  2024-01-08, 1049 days ago  2027-03-03, in 101 days  orders-go

moved
  alias live points at version 1, on go1.x: changing $LATEST does not move it
  sqs arn:aws:sqs:ap-northeast-1:123456789012:jobs reads for "live": changing $LATEST does not move it

orders
  kinesis arn:aws:kinesis:ap-northeast-1:123456789012:stream/orders may lose records: MaximumRetryAttempts is 2, and there is no OnFailure destination
  alias live sends 10% to version 2, on go1.x: changing $LATEST does not move it
  alias live sends 90% to version 3, on go1.x: changing $LATEST does not move it
  dynamodb arn:aws:dynamodb:ap-northeast-1:123456789012:table/orders/stream/1 reads for "3": changing $LATEST does not move it
note: 4 of 7 functions on a runtime that is deprecated, or blocked for updates within 180 days; 1 in lambdas.json, 1 may lose records, 2 with such versions in use, 2 versions that no alias or event source points at
note: dates are AWS's plan as of 2026-08-15; AWS keeps moving them: https://example.com/table
note: not judged: container images (1 function)
note: not judged: runtimes that the plan does not have (zig1.x)
note: not judged: SQS event sources (whether the queue has a redrive policy is not visible from Lambda)
`},
		{"the version that is blocked first stands for all", &fake{
			functions: of("a", types.RuntimeProvidedal2023, types.RuntimeGo1x, types.RuntimeNodejs12x, types.RuntimeGo1x),
		}, `
FUNCTION  RUNTIME                     DEPRECATED                 UPDATES BLOCKED            COVERED BY
a         nodejs12.x (versions only)  2023-03-31, 1332 days ago  2023-04-30, 1302 days ago  -
note: 1 of 1 function on a runtime that is deprecated, or blocked for updates within 180 days; 0 in lambdas.json, 0 may lose records, 0 with such versions in use, 3 versions that no alias or event source points at
note: dates are AWS's plan as of 2026-08-15; AWS keeps moving them: https://example.com/table
`},
		{"nothing", &fake{functions: of("a", types.RuntimeProvidedal2023)}, `
note: none of 1 function is on a runtime that is deprecated, or blocked for updates within 180 days
note: dates are AWS's plan as of 2026-08-15; AWS keeps moving them: https://example.com/table
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b strings.Builder
			r := run(t, test.client, Options{Covered: map[string]string{"orders": "orders-go"}})
			r.Print(&b)
			for _, note := range r.Notes() {
				b.WriteString("note: " + note + "\n")
			}
			if d := cmp.Diff(strings.TrimPrefix(test.want, "\n"), b.String()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
