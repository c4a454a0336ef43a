package kernel

import (
	"fmt"
	"math"
)

// Workspace is scratch memory of Gemm and Linear. The zero value is ready. It
// grows when a larger product than before asks for it, and never again. One
// goroutine uses it at a time.
type Workspace struct {
	a, b []float32
}

func grow(p *[]float32, n int) []float32 {
	if cap(*p) < n {
		*p = make([]float32, n)
	}
	return (*p)[:n]
}

// panelFunc computes one panel of a product, at most nr columns wide:
//
//	C[i,j] = max(lo, cin[i,j] + sum over l in order of A[i,l] B[l,j])
//
// for m rows, n columns, and k >= 1. A[i,l] = a[i*rs+l*cs], B[l,j] =
// b[l*ldb+j], cin[i,j] = cin[i*ldcin+j] or zero where cin is nil.
type panelFunc = func(m, n, k int, a []float32, rs, cs int, b []float32, ldb int,
	cin []float32, ldcin int, c []float32, ldc int, lo float32)

// nothing is the lower bound that bounds nothing; a bound of 0 is ReLU.
var nothing = float32(math.Inf(-1))

const (
	// kBlock rows of a panel fit into the first-level cache beside A and C.
	kBlock = 256
	// mkBlock elements of A fit into the second-level cache, and bound the
	// time of one call into assembly to some 50 microseconds.
	mkBlock = 1 << 16
	// packFrom is the number of elements of B, read in place, from which
	// copying it to panels pays.
	packFrom = 1 << 15
	// copyFrom is the stride of A from which copying a block of it pays: its
	// rows then lie on pages, and in cache sets, of their own.
	copyFrom = 768
)

// Gemm computes C = op(A) op(B), or C += op(A) op(B) where acc.
//
// C is m x n with row stride ldc. op(A) is m x k: A itself, m x k with row
// stride lda, or the transpose of A, k x m, where transA; op(B) is k x n
// likewise. With k == 0, C is zero, or unchanged where acc. C overlaps neither
// A nor B. ws must not be nil.
func (s *Set) Gemm(transA, transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, acc bool, c []float32, ldc int, ws *Workspace) {
	checkMat("Gemm: A", transA, m, k, len(a), lda)
	checkMat("Gemm: B", transB, k, n, len(b), ldb)
	checkMat("Gemm: C", false, m, n, len(c), ldc)
	if m == 0 || n == 0 {
		return
	}
	if k == 0 {
		for i := range m {
			if !acc {
				clear(c[i*ldc : i*ldc+n])
			}
		}
		return
	}
	rs, cs := lda, 1
	if transA {
		rs, cs = 1, lda
	}
	var cin []float32
	if acc {
		cin = c
	}
	right := operand{data: b, ld: ldb}
	if transB || (k*n >= packFrom && m >= 4*s.mr) {
		right = operand{data: grow(&ws.b, s.PackedLen(n, k)), packed: true}
		s.PackB(transB, n, k, b, ldb, right.data)
	}
	s.product(m, n, k, a, rs, cs, right, cin, ldc, c, ldc, nothing, ws)
}

// checkMat panics unless a slice of length have holds a rows x cols matrix, or
// its transpose, of row stride ld.
func checkMat(what string, trans bool, rows, cols, have, ld int) {
	if trans {
		rows, cols = cols, rows
	}
	if rows < 0 || cols < 0 || (rows > 1 && ld < cols) {
		panic(fmt.Sprintf("kernel: %s: %d rows of %d with stride %d", what, rows, cols, ld))
	}
	if need := (rows-1)*ld + cols; rows > 0 && cols > 0 && have < need {
		panic(fmt.Sprintf("kernel: %s: %d elements, want %d for %d rows of %d with stride %d", what, have, need, rows, cols, ld))
	}
}

// PackedLen is the length of a packed right-hand operand of k rows and n
// columns.
func (s *Set) PackedLen(n, k int) int { return k * ((n + 15) &^ 15) }

// PackB copies op(B), k x n, to dst in the order in which Linear reads it, so
// that one packing serves many products. B is k x n with row stride ldb, or n
// x k where transB. dst has PackedLen(n, k) elements; only the set that packed
// it can read it.
//
// The form: panels of nr columns one after the other (the last one narrower,
// rounded up to a multiple of 16 and filled with zeros), each k rows without
// gaps.
func (s *Set) PackB(transB bool, n, k int, b []float32, ldb int, dst []float32) {
	checkMat("PackB: B", transB, k, n, len(b), ldb)
	if len(dst) != s.PackedLen(n, k) {
		panic(fmt.Sprintf("kernel: PackB: dst of %d elements, want PackedLen(%d, %d) = %d", len(dst), n, k, s.PackedLen(n, k)))
	}
	const rows = 64 // at a time, so that their pages are read once
	for l := 0; l < k; l += rows {
		kc := min(rows, k-l)
		for j := 0; j < n; j += s.nr {
			cols := min(s.nr, n-j)
			w := (cols + 15) &^ 15
			part := dst[j*k+l*w : j*k+(l+kc)*w]
			if transB {
				s.transposeInto(part, w, b[j*ldb+l:], ldb, cols, kc)
			} else {
				copyInto(part, w, b[l*ldb+j:], ldb, kc, cols)
			}
			if cols < w {
				for r := range kc {
					clear(part[r*w+cols : (r+1)*w])
				}
			}
		}
	}
}

// copyInto copies rows x cols elements from src, row stride lds, to dst, row
// stride ldd.
func copyInto(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	if cols == 32 {
		for r := range rows {
			*(*[32]float32)(dst[r*ldd:]) = *(*[32]float32)(src[r*lds:])
		}
		return
	}
	for r := range rows {
		copy(dst[r*ldd:r*ldd+cols], src[r*lds:r*lds+cols])
	}
}

// transposeInto writes dst[l][j] = src[j][l] for j < rows and l < cols: src is
// rows x cols with row stride lds, dst is cols x rows with row stride ldd.
func (s *Set) transposeInto(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	j := 0
	if s.transpose8 != nil && cols >= 8 {
		for ; j+8 <= rows; j += 8 {
			s.transpose8(dst[j:], ldd, src[j*lds:], lds, cols/8)
			for l := cols &^ 7; l < cols; l++ {
				for i := j; i < j+8; i++ {
					dst[l*ldd+i] = src[i*lds+l]
				}
			}
		}
	}
	for ; j < rows; j++ {
		for l, x := range src[j*lds : j*lds+cols] {
			dst[l*ldd+j] = x
		}
	}
}

// operand is the right-hand side of a product: in place with row stride ld, or
// packed by PackB.
type operand struct {
	data   []float32
	ld     int
	packed bool
}

// product runs the panels of C = max(lo, cin + A B), k >= 1, blocked over k
// and over rows. cin may be nil (zero), C itself, or a bias with stride 0.
func (s *Set) product(m, n, k int, a []float32, rs, cs int, b operand, cin []float32, ldcin int, c []float32, ldc int, lo float32, ws *Workspace) {
	blocks := (k + kBlock - 1) / kBlock
	kb := (k + blocks - 1) / blocks
	mb := max(mkBlock/kb/s.mr, 1) * s.mr
	for l := 0; l < k; l += kb {
		kc := min(kb, k-l)
		bound := nothing
		if l+kc == k {
			bound = lo
		}
		for i := 0; i < m; i += mb {
			mc := min(mb, m-i)
			ab, abRS, abCS := a[i*rs+l*cs:], rs, cs
			if ws != nil && max(rs, cs) >= copyFrom && n >= 4*s.nr {
				ab, abRS, abCS = s.copyA(mc, kc, ab, rs, cs, ws)
			}
			for j := 0; j < n; j += s.nr {
				cols := min(s.nr, n-j)
				bp, ldb := b.data, b.ld
				if b.packed {
					ldb = (cols + 15) &^ 15
					bp = bp[j*k+l*ldb:]
				} else {
					bp = bp[l*ldb+j:]
				}
				cp := c[i*ldc+j:]
				if cin == nil {
					s.panel(mc, cols, kc, ab, abRS, abCS, bp, ldb, nil, 0, cp, ldc, bound)
				} else {
					s.panel(mc, cols, kc, ab, abRS, abCS, bp, ldb, cin[i*ldcin+j:], ldcin, cp, ldc, bound)
				}
			}
		}
		cin, ldcin = c, ldc // the next block of k goes on from what is stored
	}
}

// copyA copies m x k elements of A to the workspace, row after row, and returns
// them with their strides. The gap between rows spreads them over cache sets.
func (s *Set) copyA(m, k int, a []float32, rs, cs int, ws *Workspace) (block []float32, brs, bcs int) {
	ld := k + 16
	block = grow(&ws.a, m*ld)
	if cs == 1 {
		copyInto(block, ld, a, rs, m, k)
	} else {
		s.transposeInto(block, ld, a, cs, k, m)
	}
	return block, ld, 1
}

// actChunk is about the number of elements that Linear computes before it
// applies an activation to them, while they are in the first-level cache.
const actChunk = 1 << 12

// Linear computes Y = act(A B + bias): A is m x k with row stride lda, B is
// k x n as PackB left it, Y is m x n with row stride ldy. bias has n elements,
// or is nil for none. Where pre is not nil, the pre-activation A B + bias is
// stored there too, with row stride ldpre (the derivative of SiLU needs it).
// ws must not be nil.
//
// The sum starts from the bias: fma(a[k-1], b[k-1], ... fma(a[0], b[0], bias)).
func (s *Set) Linear(m, n, k int, a []float32, lda int, packed []float32, bias []float32, act Act, y []float32, ldy int, pre []float32, ldpre int, ws *Workspace) {
	checkMat("Linear: A", false, m, k, len(a), lda)
	checkMat("Linear: Y", false, m, n, len(y), ldy)
	if pre != nil {
		checkMat("Linear: pre", false, m, n, len(pre), ldpre)
	}
	if bias != nil && len(bias) != n {
		panic(fmt.Sprintf("kernel: Linear: bias of %d, want %d", len(bias), n))
	}
	if len(packed) != s.PackedLen(n, k) {
		panic(fmt.Sprintf("kernel: Linear: packed operand of %d elements, want PackedLen(%d, %d) = %d", len(packed), n, k, s.PackedLen(n, k)))
	}
	if m == 0 || n == 0 {
		return
	}
	z, ldz := y, ldy
	if pre != nil {
		z, ldz = pre, ldpre
	}
	lo, after := nothing, act
	if pre == nil && act == ReLU {
		lo, after = 0, None
	}
	step := m
	if pre != nil || after != None {
		step = min(m, max(1, actChunk/n/s.mr)*s.mr)
	}
	right := operand{data: packed, packed: true}
	for i := 0; i < m; i += step {
		rows := min(step, m-i)
		zb := z[i*ldz:]
		if k == 0 {
			for r := range rows {
				row := zb[r*ldz : r*ldz+n]
				clear(row)
				copy(row, bias)
			}
			if lo == 0 {
				after = ReLU
			}
		} else {
			s.product(rows, n, k, a[i*lda:], lda, 1, right, bias, 0, zb, ldz, lo, ws)
		}
		if pre == nil && after == None {
			continue
		}
		yb := y[i*ldy:]
		if ldy == n && ldz == n {
			s.Activate(after, yb[:rows*n], zb[:rows*n])
			continue
		}
		for r := range rows {
			s.Activate(after, yb[r*ldy:r*ldy+n], zb[r*ldz:r*ldz+n])
		}
	}
}
