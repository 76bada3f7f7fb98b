package emulator_test

import (
	"bytes"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator"
)

// pass lets time pass, and everything happen that is due.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// The SDK's waiters end when UpdateTime has passed.
func TestUpdateTime(t *testing.T) {
	inBubble(t, emulator.Options{UpdateTime: 9 * time.Second}, func(b *bench) {
		name := aws.String("f")
		b.create(function("f", types.RuntimeGo1x, smallZip(b)))
		began := time.Now()
		active := lambda.NewFunctionActiveV2Waiter(b.client, func(o *lambda.FunctionActiveV2WaiterOptions) {
			o.MinDelay, o.MaxDelay = time.Second, time.Second
		})
		if err := active.Wait(b.Context(), &lambda.GetFunctionInput{FunctionName: name}, time.Minute); err != nil {
			b.Fatal(err)
		}
		if took := time.Since(began); took < 9*time.Second || took > 11*time.Second {
			b.Errorf("the creation took %s, want 9s", took)
		}
		b.configure(toProvided())
		pass(9*time.Second - 1)
		if got := b.get("f"); got.LastUpdateStatus != types.LastUpdateStatusInProgress || got.Runtime != types.RuntimeProvidedal2023 {
			b.Errorf("before UpdateTime the update is %s to %s", got.LastUpdateStatus, got.Runtime)
		}
		pass(1)
		if got := b.get("f"); got.LastUpdateStatus != types.LastUpdateStatusSuccessful {
			b.Errorf("after UpdateTime the update is %s", got.LastUpdateStatus)
		}
	})
}

func TestPending(t *testing.T) {
	inBubble(t, emulator.Options{UpdateTime: time.Minute}, func(b *bench) {
		b.create(function("f", types.RuntimeGo1x, smallZip(b), func(in *lambda.CreateFunctionInput) { in.Publish = true }))
		for _, name := range []string{"f", "f:1"} {
			if got := b.get(name); got.State != types.StatePending || got.StateReasonCode != types.StateReasonCodeCreating {
				b.Errorf("%s is %s, %s", name, got.State, got.StateReasonCode)
			}
		}
		pass(time.Minute)
		b.updateCode("f", smallZip(b))
		pass(time.Minute)
		for _, name := range []string{"f", "f:1"} {
			if got := b.get(name); got.State != types.StateActive {
				b.Errorf("after UpdateTime %s is %s", name, got.State)
			}
		}
	})
}

// The end of an update does not concern the next function of the same name.
func TestDeleteDuringUpdate(t *testing.T) {
	var served []string
	inBubble(t, emulator.Options{UpdateTime: time.Minute, OnServe: func(d emulator.Deployment) { served = append(served, d.Runtime) }}, func(b *bench) {
		b.create(function("f", types.RuntimeGo1x, smallZip(b)))
		b.remove("f")
		pass(30 * time.Second)
		b.create(function("f", types.RuntimeProvidedal2, smallZip(b)))
		pass(45 * time.Second)
		if got := b.get("f"); got.State != types.StatePending {
			b.Errorf("the end of a deleted creation makes the function %s", got.State)
		}
		pass(15 * time.Second)
		b.updateCode("f", makeZip(b, file{"bootstrap", 0o755, nil}))
		b.remove("f")
		b.create(function("f", types.RuntimeProvidedal2, smallZip(b)))
		pass(time.Minute)
		if got := b.get("f"); got.State != types.StateActive || got.Runtime != types.RuntimeProvidedal2 || got.LastUpdateStatus != types.LastUpdateStatusSuccessful {
			b.Errorf("got %s, %s, %s", got.State, got.Runtime, got.LastUpdateStatus)
		}
		if want := []string{"provided.al2", "provided.al2"}; !slices.Equal(served, want) {
			b.Errorf("OnServe is called for %v, want %v", served, want)
		}
	})
}

func TestCloseDuringUpdate(t *testing.T) {
	inBubble(t, emulator.Options{UpdateTime: time.Hour}, func(b *bench) {
		b.create(function("f", types.RuntimeGo1x, smallZip(b)))
		began := time.Now()
		if err := b.Close(); err != nil || time.Since(began) != 0 {
			b.Errorf("closing took %s: %v", time.Since(began), err)
		}
	})
}

func TestDownload(t *testing.T) {
	inBubble(t, emulator.Options{}, func(b *bench) {
		zip := smallZip(b)
		b.create(function("f", types.RuntimeGo1x, zip))
		url := b.location("f")
		pass(10*time.Minute - 1)
		if status, body := b.download(url); status != 200 || !bytes.Equal(body, zip) {
			b.Errorf("got %d with %d bytes, want the %d of the zip", status, len(body), len(zip))
		}
		if b.location("f") == url {
			b.Error("two answers have the same location")
		}
		if status, _ := b.download(url + "x"); status != 403 {
			b.Errorf("a wrong token answers %d", status)
		}
		response, err := (&http.Client{Transport: b.http}).Post(url, "", nil)
		if err != nil || response.StatusCode != 405 || response.Header.Get("X-Amzn-RequestId") == "" {
			b.Errorf("POST answers %v, %v", response, err)
		}
		pass(1)
		if status, _ := b.download(url); status != 403 {
			b.Errorf("an expired location answers %d", status)
		}
		// The package is removed when nothing uses it.
		url = b.location("f")
		b.updateCode("f", makeZip(b, file{"lambda", 0o755, []byte("y")}))
		if status, _ := b.download(url); status != 404 {
			b.Errorf("the location of a removed package answers %d", status)
		}
	})
}

func TestQuotaRefills(t *testing.T) {
	inBubble(t, emulator.Options{Quotas: emulator.Quotas{ControlPlane: 15, GetFunction: 100}}, func(b *bench) {
		list := func() error {
			_, err := b.client.ListFunctions(b.Context(), nil)
			return err
		}
		for range 6 { // a third of a second's calls, and one
			if err := list(); err != nil {
				b.Fatal(err)
			}
		}
		wantError(b, list(), 429, "TooManyRequestsException", "Rate exceeded")
		pass(time.Second / 15)
		if err := list(); err != nil {
			b.Errorf("after the time of one call: %v", err)
		}
		wantError(b, list(), 429, "TooManyRequestsException", "Rate exceeded")
		if n := b.Throttled(); n != 2 {
			b.Errorf("%d calls throttled, want 2", n)
		}
	})
}

func TestAge(t *testing.T) {
	inBubble(t, emulator.Options{}, func(b *bench) {
		b.create(function("f", types.RuntimeGo1x, smallZip(b)))
		b.Age(10)
		if got, want := *b.get("f").LastModified, "1999-12-31T23:50:00.000+0000"; got != want {
			b.Errorf("LastModified is %s, want %s", got, want)
		}
	})
}
