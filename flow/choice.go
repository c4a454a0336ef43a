package flow

import "fmt"

// Choice is a run of coordinates that say which of some options a row has: the
// coordinate of its option is Hi and the others are Lo. Two options have one
// coordinate, Lo for the first and Hi for the second; more have one each. Lo < 0 <
// Hi, and where all coordinates are 0 the choice is masked: it is not made yet.
type Choice struct {
	Offset  int     `json:"offset"`
	Options int     `json:"options"`
	Lo      float64 `json:"lo"`
	Hi      float64 `json:"hi"`
	// By is the time in (0, 1] by which the choice is made; 0 is 1.
	By float64 `json:"by,omitempty"`
}

// End is By, as a time.
func (c Choice) End() float64 {
	if c.By == 0 {
		return 1
	}
	return c.By
}

// Width is the number of coordinates.
func (c Choice) Width() int {
	if c.Options == 2 {
		return 1
	}
	return c.Options
}

// CheckChoices returns an error that wraps ErrConfig unless the choices lie within
// rows of dim coordinates, apart from each other and in ascending order.
func CheckChoices(choices []Choice, dim int) error {
	at := 0
	for _, c := range choices {
		if c.Options < 2 || c.Offset < at || c.Offset > dim-c.Width() || !(c.Lo < 0 && c.Hi > 0) {
			return fmt.Errorf("%w: a choice of %d options from %v to %v at coordinate %d of %d, of which %d are taken", ErrConfig, c.Options, c.Lo, c.Hi, c.Offset, dim, at)
		}
		if !(c.By >= 0 && c.By <= 1) {
			return fmt.Errorf("%w: the choice at coordinate %d is made by t=%v, which is not in (0, 1]", ErrConfig, c.Offset, c.By)
		}
		at = c.Offset + c.Width()
	}
	return nil
}
