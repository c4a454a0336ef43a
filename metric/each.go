package metric

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// each calls f(0) to f(n-1) on the available cores. It returns the error of the
// lowest index that failed, or the context's; after either no new call starts.
func each(ctx context.Context, n int, f func(i int) error) error {
	return eachWith(ctx, n, func() struct{} { return struct{}{} }, func(_ *struct{}, i int) error { return f(i) })
}

// eachWith is each with scratch, made once per goroutine.
func eachWith[S any](ctx context.Context, n int, scratch func() S, f func(s *S, i int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var failed atomic.Bool
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			s := scratch()
			for !failed.Load() && ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if errs[i] = f(&s, i); errs[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}
