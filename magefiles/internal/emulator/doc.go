// Package emulator emulates AWS Lambda on a loopback address and runs the
// deployed binaries.
//
// It serves enough of Lambda's REST API, of GetCallerIdentity of STS, of
// GetMetricData of CloudWatch and of S3 for the AWS SDKs and the AWS CLI to work
// with it unchanged, through AWS_ENDPOINT_URL. It unpacks each deployed zip, and an
// invocation starts the file that the function's runtime would start: for go1.x
// the file that Handler names, reached over net/rpc; for provided.* the file
// bootstrap in the package or in a layer, which polls the Runtime API. It
// reproduces what a migration between
// the two depends on: the previous code serves while an update is InProgress,
// revisions become stale, a package without the right binary fails with Lambda's
// errors, published versions do not change, and aliases point to them. A [Server] is
// one account and region; a [Cloud] is several behind one endpoint, with AssumeRole.
//
// # The window
//
// AWS says that after an update there is "a brief window, typically less than a
// minute" in which either version may serve a request. It does not say how long
// exactly, which version serves a request, or whether code and configuration may
// come from different versions. With [Options.Window] and [Options.Mixed] the
// emulator assumes the worst: both versions serve, in turns, and whatever can go
// wrong does so in every run. This is a pessimistic model for testing a
// migration, not a claim about AWS.
//
// https://aws.amazon.com/lambda/faqs/
//
// # Metrics
//
// GetMetricData returns Invocations, Errors, Throttles, Duration and IteratorAge
// of the namespace AWS/Lambda by the minute: by function, by function and
// resource, or across all functions. An attempt at an invocation that reached
// the function counts at once, in the minute in which it was received. The
// statistics are Sum, Average, Minimum, Maximum and SampleCount. There are no
// expressions. Metrics outlive their function.
//
// # S3
//
// Requests that are signed for S3 reach an S3 that holds deployment packages:
// CreateBucket, HeadBucket, PutObject, GetObject, HeadObject, DeleteObject and
// multipart uploads, in path style. It verifies digests and checksums, in headers
// and in trailers. Lambda takes code from its buckets.
//
// # Differences from AWS
//
//   - Functions on go1.x can be created, so that a test can set up a fleet as it
//     was before its migration. AWS blocks that since February 2024. On other
//     retired runtimes none can be created. [Options.Blocked] blocks updates too.
//   - Functions can be moved to go1.x and provided. Recorded errors of AWS suggest
//     that it refuses that, as [Options.Withdrawn] does.
//   - Event source mappings are configuration: the emulator polls no source.
//     Events arrive through Invoke. IteratorAge counts those with a last record
//     from the stream of an enabled mapping.
//   - Other metrics have no data, like unknown metrics on AWS.
//   - Functions on other runtimes and container images cannot be invoked.
//   - There are no VPCs, permissions, function URLs or provisioned concurrency,
//     and settings such as tracing have one value. The emulator refuses a request
//     for another rather than ignore it.
//   - A layer of another account or of AWS may be named, and has no content.
//     Extensions in layers do not start, and layers have no policies or tags.
//   - Objects in S3 have no versions, metadata, lists or permissions.
//   - Code that is kept by reference (S3ObjectStorageMode) is read once, like any
//     other code in S3, and a bucket without versioning holds it.
//   - Calls have no quotas unless [Options.Quotas] sets them.
//   - An alias with two versions distributes invocations in a fixed order, not at
//     random.
//   - Functions are processes of the current user, not sandboxes. Deploy only
//     code that you would run yourself.
//
// Answers are as LocalStack's tests recorded them from AWS; testdata/recorded has
// those that a migration depends on. What is not recorded follows AWS's API
// reference, and what is in neither is marked as an assumption.
//
// Package runner starts the processes, package zips keeps the deployment
// packages, package objects keeps what is in S3, and package metrics keeps the
// metrics.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
// https://github.com/localstack/localstack/blob/main/tests/aws/services/lambda_/test_lambda_api.snapshot.json
package emulator
