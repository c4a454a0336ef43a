package solve

// Tableau is the Butcher tableau of an explicit Runge-Kutta method: with
//
//	k_i = u(t + C[i] h, x + h sum_{j<i} A[i][j] k_j)
//
// a step is x + h sum_i B[i] k_i, and its local error is estimated by
// h sum_i E[i] k_i. The tableaux of the catalogue are shared: do not edit them.
type Tableau struct {
	C []float64
	// A has one row per stage; row i holds i coefficients.
	A [][]float64
	B []float64
	// E is B minus the weights of the embedded method of order Order-1; nil when
	// there is none, and then the method cannot control its step.
	E []float64
	// FSAL tells that the last stage is the velocity at the end of the step
	// (A's last row is B), so that the next step's first stage is known ("first
	// same as last"). Fixed steps leave that stage out.
	FSAL bool
}

// stages is the number of evaluations of one step of fixed length.
func (b *Tableau) stages() int {
	if b.FSAL {
		return len(b.C) - 1
	}
	return len(b.C)
}

// rungeKutta holds the methods that are tableaux.
var rungeKutta = []*Method{
	{
		Name: "euler", About: "Euler, order 1", Kind: ODE, Order: 1, Tableau: &Tableau{
			C: []float64{0}, A: [][]float64{{}}, B: []float64{1},
		},
	},
	{
		Name: "midpoint", About: "explicit midpoint, order 2", Kind: ODE, Order: 2, Tableau: &Tableau{
			C: []float64{0, 0.5}, A: [][]float64{{}, {0.5}}, B: []float64{0, 1},
		},
	},
	{
		Name: "heun", About: "Heun (explicit trapezoid), order 2", Kind: ODE, Order: 2, Tableau: &Tableau{
			C: []float64{0, 1}, A: [][]float64{{}, {1}}, B: []float64{0.5, 0.5},
		},
	},
	{
		Name: "rk4", About: "the classic Runge-Kutta method, order 4 (Kutta 1901)", Kind: ODE, Order: 4, Tableau: &Tableau{
			C: []float64{0, 0.5, 0.5, 1},
			A: [][]float64{{}, {0.5}, {0, 0.5}, {0, 0, 1}},
			B: []float64{1. / 6, 1. / 3, 1. / 3, 1. / 6},
		},
	},
	{
		Name: "bosh3", About: "Bogacki-Shampine 3(2) (Appl. Math. Lett. 2, 1989), adaptive", Kind: ODE, Order: 3, Tableau: &Tableau{
			C: []float64{0, 1. / 2, 3. / 4, 1},
			A: [][]float64{{}, {1. / 2}, {0, 3. / 4}, {2. / 9, 1. / 3, 4. / 9}},
			B: []float64{2. / 9, 1. / 3, 4. / 9, 0},
			E: []float64{2./9 - 7./24, 1./3 - 1./4, 4./9 - 1./3, -1. / 8}, FSAL: true,
		},
	},
	{
		Name: "dopri5", About: "Dormand-Prince 5(4) (J. Comp. Appl. Math. 6, 1980), adaptive", Kind: ODE, Order: 5, Tableau: &Tableau{
			C: []float64{0, 1. / 5, 3. / 10, 4. / 5, 8. / 9, 1, 1},
			A: [][]float64{
				{},
				{1. / 5},
				{3. / 40, 9. / 40},
				{44. / 45, -56. / 15, 32. / 9},
				{19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
				{9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
				{35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84},
			},
			B: []float64{35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84, 0},
			E: []float64{
				35./384 - 5179./57600, 0, 500./1113 - 7571./16695, 125./192 - 393./640,
				92097./339200 - 2187./6784, 11./84 - 187./2100, -1. / 40,
			}, FSAL: true,
		},
	},
	{
		Name: "tsit5", About: "Tsitouras 5(4) (Comput. Math. Appl. 62, 2011), adaptive", Kind: ODE, Order: 5, Tableau: &Tableau{
			C: []float64{0, 0.161, 0.327, 0.9, 0.9800255409045097, 1, 1},
			A: [][]float64{
				{},
				{0.161},
				{-0.008480655492356989, 0.335480655492357},
				{2.8971530571054935, -6.359448489975075, 4.3622954328695815},
				{5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525},
				{5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383},
				{0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774},
			},
			B: []float64{0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774, 0},
			E: []float64{
				-0.00178001105222577714, -0.0008164344596567469, 0.007880878010261995, -0.1447110071732629,
				0.5823571654525552, -0.45808210592918697, 1. / 66,
			}, FSAL: true,
		},
	},
}
