package experiments

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/probe"
	"example.com/dualboot/magefiles/internal/probe/lab"
	"example.com/dualboot/magefiles/internal/text"
)

// flood is a time of more calls a second than a quota allows.
type flood struct {
	Operation string
	Quota     int // AWS's, in calls a second
	Sent      int
	Accepted  int    // in all
	Burst     int    // calls that were accepted before the first refusal
	Refusal   string // code of the refusals
	// Offered and Steady are the calls a second that were sent, and that were
	// accepted, in the second half of the time.
	Offered, Steady float64
}

const (
	floodTime = 4 * time.Second
	// excess is how many calls are sent for each that the quota allows.
	excess = 2
	// enough is how many must have been sent for a result.
	enough = 1.4
)

// quota asks how many calls a second Lambda accepts. It takes the calls from
// everyone in the account and region.
func quota() probe.Experiment {
	return probe.Define(probe.Experiment{
		Name:      "quota",
		Question:  "How many control-plane calls, and how many GetFunction, does Lambda accept in a second?",
		Functions: 1,
		Takes:     2*floodTime + quick,
		Quotas:    true,
	}, func(ctx context.Context, l *lab.Lab) (list []flood, err error) {
		zip, err := l.Zip(lab.Code("A")...)
		if err != nil {
			return nil, err
		}
		f, err := l.Create(ctx, lab.Spec{Zip: zip})
		if err != nil {
			return nil, err
		}
		client := l.Unpaced()
		calls := []func() error{
			func() error {
				_, err := client.GetFunctionConfiguration(ctx, &sdk.GetFunctionConfigurationInput{FunctionName: &f.Name})
				return err
			},
			func() error {
				_, err := client.GetFunction(ctx, &sdk.GetFunctionInput{FunctionName: &f.Name})
				return err
			},
		}
		list = []flood{{Operation: "GetFunctionConfiguration", Quota: 15}, {Operation: "GetFunction", Quota: 100}}
		for i := range list {
			if err := list[i].record(ctx, calls[i]); err != nil {
				return list, err
			}
		}
		return list, nil
	}, judgeQuota)
}

// record sends calls at twice the quota.
func (r *flood) record(ctx context.Context, call func() error) error {
	var mu sync.Mutex
	var group sync.WaitGroup
	var offered, steady int
	var failure error
	start := time.Now()
	tick := time.NewTicker(time.Second / time.Duration(excess*r.Quota))
	defer tick.Stop()
	for time.Since(start) < floodTime {
		half := time.Since(start) >= floodTime/2
		r.Sent++
		if half {
			offered++
		}
		group.Go(func() {
			err := call()
			mu.Lock()
			defer mu.Unlock()
			switch code := awsclient.Code(err); {
			case err == nil:
				r.Accepted++
				if r.Refusal == "" {
					r.Burst++
				}
				if half {
					steady++
				}
			case code == "TooManyRequestsException" || code == "ThrottlingException":
				r.Refusal = code
			default:
				failure = errors.Join(failure, err)
			}
		})
		select {
		case <-ctx.Done():
			group.Wait()
			return ctx.Err()
		case <-tick.C:
		}
	}
	group.Wait()
	r.Offered = float64(offered) / (floodTime / 2).Seconds()
	r.Steady = float64(steady) / (floodTime / 2).Seconds()
	return failure
}

func judgeQuota(list []flood) (findings []probe.Finding) {
	for _, r := range list {
		what, without := "GetFunction calls", "Nothing, unless a second run confirms it: then raise getFunctions in awsclient/quota.go."
		if r.Operation != "GetFunction" {
			what, without = "control-plane calls (all but GetFunction, together)", `Raise "calls" in lambdas.json, if a second run confirms it.`
		}
		fact := probe.Fact{
			Statement: fmt.Sprintf("Lambda accepts a limited number of %s a second.", what),
			Assumed:   fmt.Sprint(r.Quota),
			Matters:   "deploy stays a little below",
		}
		burst := probe.Fact{
			Statement: fmt.Sprintf("How many %s Lambda accepts at once.", what),
			Assumed:   unknown,
			Matters:   "the emulator, which accepts a third of a second's",
		}
		deviation := r.Steady/float64(r.Quota) - 1
		switch {
		case r.Offered < enough*float64(r.Quota):
			reason := fmt.Sprintf("this machine sent only %s a second", text.Digits(r.Offered))
			findings = append(findings, fact.Unseen(reason), burst.Unseen(reason))
		case r.Refusal == "":
			findings = append(findings, fact.Check(false, fmt.Sprintf("no call of %d was refused at %s a second", r.Sent, text.Digits(r.Offered)), without), burst.Unseen("no call was refused"))
		default:
			findings = append(findings,
				fact.Check(-0.25 < deviation && deviation < 0.25, fmt.Sprintf("%s a second of %s that were sent, refusals %s", text.Digits(r.Steady), text.Digits(r.Offered), r.Refusal),
					fmt.Sprintf("Others may have used the quota as well. If not, correct awsclient/quota.go to less than %s.", text.Digits(r.Steady))),
				burst.Settle(fmt.Sprintf("%d before the first refusal", r.Burst), ""))
		}
	}
	return findings
}
