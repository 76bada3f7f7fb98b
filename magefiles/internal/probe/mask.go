package probe

import (
	"regexp"
	"strings"
)

// masked is the account in what a probe writes.
const masked = "000000000000"

// identity matches the ARNs of roles, users and sessions, which can contain names
// of people.
var identity = regexp.MustCompile(`arn:aws[a-z-]*:(iam|sts)::\d{12}:[^\s"'\\,;)]+`)

// Mask returns a text without the account and without identities, so that it can
// be shared.
func Mask(text, account string) string {
	text = identity.ReplaceAllString(text, "arn:aws:$1::"+masked+":masked")
	return strings.ReplaceAll(text, account, masked)
}
