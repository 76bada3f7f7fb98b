package emulator

import (
	"net/http"

	"golang.org/x/time/rate"
)

// Quotas are how many calls a second the server takes, of all clients together.
// A call beyond them is refused and does nothing, but counts in [Server.Calls].
// Zero takes all.
type Quotas struct {
	ControlPlane  float64 // Lambda's operations, but for GetFunction and Invoke
	GetFunction   float64
	GetMetricData float64
}

// AWSQuotas are AWS's own for an account and region.
//
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html#api-requests
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
func AWSQuotas() Quotas {
	return Quotas{ControlPlane: 15, GetFunction: 100, GetMetricData: 50}
}

// quotas are the token buckets of a server.
type quotas struct{ controlPlane, getFunction, getMetricData *rate.Limiter }

func newQuotas(q Quotas) quotas {
	return quotas{newQuota(q.ControlPlane), newQuota(q.GetFunction), newQuota(q.GetMetricData)}
}

// newQuota returns a bucket that takes a third of a second's worth at once.
//
// Assumption: AWS does not document how many calls it takes at once; a
// small number is the stricter stand-in.
func newQuota(perSecond float64) *rate.Limiter {
	if perSecond == 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Limit(perSecond), 1+int(perSecond/3))
}

// tooManyRequests is the code of Lambda's refusal.
const tooManyRequests = "TooManyRequestsException"

// take refuses a call of the operation beyond its quota.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html#API_GetFunction_Errors
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html
func (q quotas) take(op operation) error {
	switch {
	case op.name == "GetMetricData" && !q.getMetricData.Allow():
		return &apiError{http.StatusBadRequest, "ThrottlingException", "Rate exceeded"}
	case op.service != "lambda" || op.name == "Invoke":
		return nil
	case op.name == "GetFunction" && !q.getFunction.Allow(),
		op.name != "GetFunction" && !q.controlPlane.Allow():
		return &apiError{http.StatusTooManyRequests, tooManyRequests, "Rate exceeded"}
	}
	return nil
}
