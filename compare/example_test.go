package compare_test

import (
	"context"
	"fmt"

	"laminar/compare"
)

func Example() {
	c := compare.Defaults()
	c.Methods = []string{"independent", "ot"}
	c.Steps = map[string]int{"independent": 300, "ot": 300}
	c.Seeds, c.N, c.Pairs = 2, 200, 1
	r, err := compare.Run(context.Background(), "moons", c, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	first := r.Claims[0]
	fmt.Println(first.Claim, *first.Holds)
	// Output: Optimal transport lowers the loss. true
}
