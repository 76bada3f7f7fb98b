//go:build race

package rollout

const RaceDetector = true
