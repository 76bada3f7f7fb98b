//go:build !race

package rollout

// RaceDetector reports whether the tests run with the race detector.
const RaceDetector = false
