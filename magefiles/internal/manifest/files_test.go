package manifest

import (
	"errors"
	"testing"
)

// TestCheckHandler checks the handlers of deployed functions. See
// testdata/decode/handler.txtar for the messages.
func TestCheckHandler(t *testing.T) {
	for handler, valid := range map[string]bool{
		"lambda": true, "bootstrap": true, "bin/foo": true,
		"": false, "./main": false, "bootstrap/main": false, "ma\xffin": false,
	} {
		err := CheckHandler(handler)
		if problem := (Problem{}); (err == nil) != valid || err != nil && !errors.As(err, &problem) {
			t.Errorf("%q: %v", handler, err)
		}
	}
}
