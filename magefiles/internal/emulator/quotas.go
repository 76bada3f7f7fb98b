package emulator

import (
	"net/http"

	"golang.org/x/time/rate"
)

// Quotas are numbers of calls a second, of all clients together. The server
// refuses a call that exceeds its quota, but counts it in [Server.Calls]. Zero is
// no limit.
type Quotas struct {
	ControlPlane  float64 // Lambda's operations except GetFunction and Invoke
	GetFunction   float64
	GetMetricData float64
}

// AWSQuotas returns AWS's quotas of an account and region.
//
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html#api-requests
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
func AWSQuotas() Quotas {
	return Quotas{ControlPlane: 15, GetFunction: 100, GetMetricData: 50}
}

// quotas are the token buckets of a server.
type quotas struct{ controlPlane, getFunction, getMetricData *rate.Limiter }

// newQuota returns a bucket that holds a third of a second's calls. Assumption:
// AWS does not document its bursts; a small one is the stricter choice.
func newQuota(perSecond float64) *rate.Limiter {
	if perSecond == 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Limit(perSecond), 1+int(perSecond/3))
}

// tooManyRequests is the code of Lambda's refusal.
const tooManyRequests = "TooManyRequestsException"

// take refuses a call of an operation that exceeds its quota.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html#API_GetFunction_Errors
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html
func (q quotas) take(op operation) error {
	switch {
	case op.name == "GetMetricData" && !q.getMetricData.Allow():
		return apiErrorf(http.StatusBadRequest, "ThrottlingException", "Rate exceeded")
	case op.service.name != lambdaService.name || op.name == "Invoke":
		return nil
	case op.name == "GetFunction" && !q.getFunction.Allow(),
		op.name != "GetFunction" && !q.controlPlane.Allow():
		return apiErrorf(http.StatusTooManyRequests, tooManyRequests, "Rate exceeded")
	}
	return nil
}
