package par

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type counts struct{ n []atomic.Int32 }

func (c *counts) Do(i int) { c.n[i].Add(1) }

// TestEachTaskOnce runs many jobs of many sizes.
func TestEachTaskOnce(t *testing.T) {
	for _, workers := range []int{0, 1, 2, 4, 9} {
		p := NewPool(workers)
		if want := max(workers, 1); p.Workers() != want {
			t.Errorf("%d workers, want %d", p.Workers(), want)
		}
		for round := range 300 {
			c := counts{make([]atomic.Int32, round%37)}
			p.Run(len(c.n), &c)
			for i := range c.n {
				if k := c.n[i].Load(); k != 1 {
					t.Fatalf("%d workers: task %d ran %d times", workers, i, k)
				}
			}
		}
		p.Close()
		p.Close()
		c := counts{make([]atomic.Int32, 5)}
		p.Run(5, &c)
		for i := range c.n {
			if c.n[i].Load() != 1 {
				t.Error("a closed pool lost a task")
			}
		}
	}
}

// TestConcurrentRuns has several goroutines run jobs on one pool.
func TestConcurrentRuns(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 300 {
				c := counts{make([]atomic.Int32, 8)}
				p.Run(len(c.n), &c)
				for i := range c.n {
					if c.n[i].Load() != 1 {
						t.Error("a task did not run once")
					}
				}
			}
		})
	}
	wg.Wait()
}

type nested struct {
	p     *Pool
	total atomic.Int32
}

func (n *nested) Do(i int) {
	c := counts{make([]atomic.Int32, 6)}
	n.p.Run(6, &c)
	for k := range c.n {
		n.total.Add(c.n[k].Load())
	}
}

func TestNestedRuns(t *testing.T) {
	p := NewPool(4)
	defer p.Close()
	n := nested{p: p}
	for range 200 {
		p.Run(5, &n)
	}
	if got := n.total.Load(); got != 200*5*6 {
		t.Errorf("%d inner tasks, want %d", got, 200*5*6)
	}
}

// meeting is a job whose two tasks wait for each other.
type meeting struct{ in [2]chan struct{} }

func (m *meeting) Do(i int) {
	close(m.in[i])
	select {
	case <-m.in[1-i]:
	case <-time.After(10 * time.Second):
		panic("the other task does not run at the same time")
	}
}

// TestTasksRunAtTheSameTime wakes helpers from every depth of sleep.
func TestTasksRunAtTheSameTime(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	for i := range 50 {
		m := meeting{[2]chan struct{}{make(chan struct{}), make(chan struct{})}}
		p.Run(2, &m)
		if i%10 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

type failing struct{}

func (failing) Do(i int) {
	if i == 0 {
		panic("task 0")
	}
}

// TestPanicLeavesThePoolUsable: only the caller's own tasks may panic, so the
// pool here has no helper that could get task 0.
func TestPanicLeavesThePoolUsable(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	// Keep the helper out: it sleeps while GOMAXPROCS is 1 and nobody yields.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was lost")
			}
		}()
		p.Run(2, failing{})
	}()
	c := counts{make([]atomic.Int32, 9)}
	p.Run(9, &c)
	for i := range c.n {
		if c.n[i].Load() != 1 {
			t.Error("a task was lost after a panic")
		}
	}
}

func TestRunDoesNotAllocate(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	c := &counts{make([]atomic.Int32, 16)}
	if a := testing.AllocsPerRun(200, func() { p.Run(16, c) }); a != 0 {
		t.Errorf("%g allocations per Run", a)
	}
}

type squares [4]int

func (s *squares) Do(i int) { s[i] = i * i }

func Example() {
	var s squares
	Default().Run(len(s), &s)
	fmt.Println(s)
	// Output: [0 1 4 9]
}

func BenchmarkRun(b *testing.B) {
	for _, workers := range []int{1, 2, 4} {
		b.Run(fmt.Sprint(workers), func(b *testing.B) {
			p := NewPool(workers)
			defer p.Close()
			var s squares
			for b.Loop() {
				p.Run(len(s), &s)
			}
		})
	}
}
