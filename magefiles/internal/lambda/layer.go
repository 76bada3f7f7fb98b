package lambda

import "strings"

// MaxLayers is how many layers a function may have. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const MaxLayers = 5

// BridgeLayer begins the names of the layers that are a bridge: their bootstrap
// starts the file that the handler names, as go1.x does. A digest of the layer's zip
// follows.
const BridgeLayer = "dualboot-bridge"

// LayerName returns the name of a layer from the ARN of one of its versions, or "":
// arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION.
func LayerName(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) != 8 || parts[5] != "layer" {
		return ""
	}
	return parts[6]
}

// IsBridge reports whether a layer version is a bridge, of any version of dualboot.
func IsBridge(arn string) bool { return strings.HasPrefix(LayerName(arn), BridgeLayer+"-") }
