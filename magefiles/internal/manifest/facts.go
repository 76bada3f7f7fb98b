package manifest

// Facts about AWS and Go that the rules rely on and package lambda does not have.
const (
	// The system and the architecture that functions are built for.
	goos, goarch = "linux", "amd64"

	// functionNamePattern matches the function names that Lambda accepts, of up to
	// maxFunctionName characters. Source:
	// https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
	functionNamePattern = `^[A-Za-z0-9_-]{1,64}$`
	maxFunctionName     = 64

	// maxCalls is Lambda's quota of control-plane calls per second, which all
	// callers in an account and region share. Source:
	// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
	maxCalls = 15

	// maxHandler is the maximum length of a handler in characters. Source:
	// https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
	maxHandler = 128

	// taskRoot is the directory into which Lambda unpacks a zip. Source:
	// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
	taskRoot = "/var/task/"

	// bucketPattern matches the names of S3 buckets, except for a few rules such as
	// that a name is no IP address. Source:
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
	bucketPattern = `^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`

	accountPattern = `^[0-9]{12}$`
	regionPattern  = `^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`
)
