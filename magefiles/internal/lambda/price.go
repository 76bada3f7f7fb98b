package lambda

// Prices of the duration of invocations in USD per GB-second: US East (N. Virginia),
// the first tier, without the free tier, discounts and provisioned concurrency. Some
// regions cost more. A GB is 1024 MB of the function's memory. Source, quoted by
// others in May 2026: https://aws.amazon.com/lambda/pricing/
const (
	PriceX86_64 = 0.0000166667
	PriceARM64  = 0.0000133334
)
