package audit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/lambda"
)

// UsageDays is the number of whole days in UTC of which an audit reads metrics.
const UsageDays = 30

// Usage is how much a function ran in the last [UsageDays], of all its versions, and
// what arm64 would have saved. GBSeconds is its duration by CloudWatch times the
// memory that it has now.
type Usage struct {
	Invocations float64
	GBSeconds   float64
	// ARM64SavesUSD estimates what the duration costs less on arm64, at the prices
	// in package lambda. It assumes that the function runs as long there.
	ARM64SavesUSD float64
}

func newUsage(invocations, milliseconds float64, memory int32) *Usage {
	u := &Usage{Invocations: invocations, GBSeconds: milliseconds / 1000 * float64(memory) / 1024}
	u.ARM64SavesUSD = u.GBSeconds * (lambda.PriceX86_64 - lambda.PriceARM64)
	return u
}

// couldSave reports whether a deploy can bring the function to arm64, which takes
// its sources.
func (f *Finding) couldSave() bool {
	sources := f.Road == RoadSources || f.Road == RoadSourcesDeployed || f.Road == RoadSourcesOneCall
	return sources && f.Architecture == lambda.X86_64
}

// batch is how many functions one GetMetricData asks about: it takes 500 queries.
// Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
const batch = 250

// addUsage adds the usage of the findings that could save something. It reads two
// metrics of each.
func addUsage(ctx context.Context, client cloudwatch.GetMetricDataAPIClient, findings []Finding, today time.Time) error {
	var could []*Finding
	for i := range findings {
		if findings[i].couldSave() {
			could = append(could, &findings[i])
		}
	}
	for some := range slices.Chunk(could, batch) {
		sums, err := readSums(ctx, client, some, today.UTC().Truncate(24*time.Hour))
		if err != nil {
			return fmt.Errorf("reading CloudWatch's metrics: %w", awsclient.Explain(err, ""))
		}
		for i, f := range some {
			f.Usage = newUsage(sums[queryID("Invocations", i)], sums[queryID("Duration", i)], f.MemorySize)
		}
	}
	return nil
}

// queryID returns the ID of a query, which begins with a lower-case letter.
func queryID(metric string, i int) string { return fmt.Sprintf("m%s%d", metric, i) }

// readSums returns the sums of the metrics of functions by ID.
func readSums(ctx context.Context, client cloudwatch.GetMetricDataAPIClient, functions []*Finding, end time.Time) (map[string]float64, error) {
	in := &cloudwatch.GetMetricDataInput{StartTime: aws.Time(end.AddDate(0, 0, -UsageDays)), EndTime: &end}
	for i, f := range functions {
		for _, metric := range []string{"Invocations", "Duration"} {
			in.MetricDataQueries = append(in.MetricDataQueries, types.MetricDataQuery{
				Id: aws.String(queryID(metric, i)),
				MetricStat: &types.MetricStat{
					Metric: &types.Metric{
						Namespace:  aws.String("AWS/Lambda"),
						MetricName: &metric,
						Dimensions: []types.Dimension{{Name: aws.String("FunctionName"), Value: &f.FunctionName}},
					},
					Period: aws.Int32(24 * 60 * 60),
					Stat:   aws.String("Sum"),
				},
			})
		}
	}
	sums, complete := map[string]float64{}, map[string]bool{}
	pages := cloudwatch.NewGetMetricDataPaginator(client, in, func(o *cloudwatch.GetMetricDataPaginatorOptions) { o.StopOnDuplicateToken = true })
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range page.MetricDataResults {
			complete[aws.ToString(r.Id)] = r.StatusCode == types.StatusCodeComplete
			for _, v := range r.Values {
				sums[aws.ToString(r.Id)] += v
			}
		}
	}
	for _, q := range in.MetricDataQueries {
		if !complete[*q.Id] {
			return nil, fmt.Errorf("the answer for %s of %q is incomplete; run the command again", *q.MetricStat.Metric.MetricName, *q.MetricStat.Metric.Dimensions[0].Value)
		}
	}
	return sums, nil
}
