package rollout

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/text"
)

// interrupted lists the steps that an interrupt left undone.
func interrupted(steps []fleet.Step) error {
	var left []string
	for _, s := range steps {
		if s.Kind != fleet.Wait {
			left = append(left, s.String())
		}
	}
	if len(left) == 0 {
		return fleet.ErrInterrupted
	}
	return fmt.Errorf("%w; left to do: %s", fleet.ErrInterrupted, strings.Join(left, ", "))
}

// changed describes how somebody else has changed a function since it was read.
func changed(before, now lambda.State) error {
	var changes []string
	for _, c := range []struct{ name, before, now string }{
		{"runtime", before.Runtime, now.Runtime},
		{"handler", before.Handler, now.Handler},
		{"architecture", before.Architecture, now.Architecture},
		{"CodeSha256", before.CodeSha256, now.CodeSha256},
		{"layers", layers(before), layers(now)},
		{"LastModified", before.LastModified, now.LastModified},
		{"RevisionId", before.RevisionID, now.RevisionID},
	} {
		if c.before != c.now {
			changes = append(changes, c.name+" "+text.Change(c.before, c.now))
		}
	}
	if len(changes) == 0 {
		return errors.New("AWS has accepted the update but does not show it; run the command again")
	}
	return fmt.Errorf("somebody else has changed the function (%s); run the command again when they are done", strings.Join(changes, ", "))
}

// layers lists the layers of a function.
func layers(s lambda.State) string {
	list := slices.Clone(s.Layers)
	if s.Bridge != "" {
		list = append(list, s.Bridge)
	}
	return cmp.Or(strings.Join(list, " "), "none")
}

// explain shortens an error of AWS and adds the fix of the most common one.
func explain(err error) error {
	if awsclient.Code(err) == "ResourceNotFoundException" {
		return fleet.AsMissing(awsclient.Explain(err, "create the function, or correct its name in lambdas.json"))
	}
	return awsclient.Explain(err, "")
}

// missingLayer explains the error of an update that names a layer which was deleted.
func missingLayer(err error) error {
	if awsclient.Code(err) == "InvalidParameterValueException" && strings.Contains(err.Error(), "Layer version ") && strings.Contains(err.Error(), " does not exist") {
		err = fmt.Errorf("%w; somebody has deleted this layer, and AWS accepts no update that names it: replace it in the function on AWS, or remove it if it may go, and deploy again", err)
	}
	return err
}

// rejected reports whether an update failed because AWS has blocked the runtime, or
// no longer knows it. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
func rejected(err error, runtime string) bool {
	return awsclient.Code(err) == "InvalidParameterValueException" &&
		(strings.Contains(err.Error(), "The runtime parameter of "+runtime+" is no longer supported") || withdrawn(err, runtime))
}

// withdrawn reports whether an update failed because the runtime is none that AWS
// lists, as recorded for unknown ones.
func withdrawn(err error, runtime string) bool {
	return strings.Contains(err.Error(), "Value "+runtime+" at 'runtime' failed to satisfy constraint: Member must satisfy enum value set")
}

// blocked explains the error of an update of a runtime that AWS has blocked.
func blocked(err error, runtime string) error {
	switch {
	case !rejected(err, runtime):
		return err
	case withdrawn(err, runtime):
		return fmt.Errorf("%w; AWS no longer knows %s, and no function can return to it", err, runtime)
	}
	return fmt.Errorf("%w; AWS has blocked %s: it accepts no code for it, and no function can return to it", err, runtime)
}
