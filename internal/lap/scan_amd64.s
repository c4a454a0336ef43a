//go:build amd64 && !purego

#include "textflag.h"

DATA lanes<>+0(SB)/4, $0
DATA lanes<>+4(SB)/4, $1
DATA lanes<>+8(SB)/4, $2
DATA lanes<>+12(SB)/4, $3
DATA lanes<>+16(SB)/4, $4
DATA lanes<>+20(SB)/4, $5
DATA lanes<>+24(SB)/4, $6
DATA lanes<>+28(SB)/4, $7
DATA lanes<>+32(SB)/4, $8
DATA lanes<>+36(SB)/4, $9
DATA lanes<>+40(SB)/4, $10
DATA lanes<>+44(SB)/4, $11
DATA lanes<>+48(SB)/4, $12
DATA lanes<>+52(SB)/4, $13
DATA lanes<>+56(SB)/4, $14
DATA lanes<>+60(SB)/4, $15
GLOBL lanes<>(SB), RODATA|NOPTR, $64

// PREFIX(R, K) sets the mask K to the first R lanes (R < 64), through AX.
#define PREFIX(R, K) \
	MOVQ  R, CX      \
	MOVQ  $1, AX     \
	SHLQ  CX, AX     \
	DECQ  AX         \
	KMOVW AX, K

// FOLD(SHUF32, IMM, MIN, MAX): one step of the reduction of lanewise smallest
// Z0 and second smallest Z1; leaves the result in every lane.
#define FOLD(SHUF, MIN, MAX) \
	SHUF(Z0, Z12)     \
	SHUF(Z1, Z13)     \
	MAX  Z0, Z12, Z14 \
	MIN  Z0, Z12, Z0  \
	MIN  Z1, Z13, Z1  \
	MIN  Z1, Z14, Z1

#define HALVES(A, B) VSHUFF64X2 $0x4E, A, A, B
#define QUARTERS(A, B) VSHUFF64X2 $0xB1, A, A, B
#define EIGHTHS(A, B) VPERMILPS $0x4E, A, B
#define SIXTEENTHS(A, B) VPERMILPS $0xB1, A, B

// func bestTwo32AVX512(c, p *float32, n int) (m1, m2 float32, at int)
TEXT ·bestTwo32AVX512(SB), NOSPLIT, $0-40
	MOVQ         c+0(FP), SI
	MOVQ         p+8(FP), DI
	MOVQ         n+16(FP), DX
	MOVL         $0x7F800000, AX
	VPBROADCASTD AX, Z0           // smallest, even blocks
	VMOVAPS      Z0, Z1           // second smallest
	VMOVAPS      Z0, Z2           // the same of odd blocks
	VMOVAPS      Z0, Z3
	VMOVAPS      Z0, Z15
	VPXORD       Z4, Z4, Z4       // where
	VPXORD       Z5, Z5, Z5
	VMOVDQU32    lanes<>(SB), Z6
	MOVL         $16, AX
	VPBROADCASTD AX, Z8
	VPADDD       Z8, Z8, Z7
	VPADDD       Z8, Z6, Z9
	SUBQ         $32, DX
	JLT          rest

loop:
	VMOVUPS   (SI), Z10
	VMOVUPS   64(SI), Z11
	VADDPS    (DI), Z10, Z10
	VADDPS    64(DI), Z11, Z11
	VMAXPS    Z0, Z10, Z12
	VMAXPS    Z2, Z11, Z13
	VCMPPS    $1, Z0, Z10, K1
	VCMPPS    $1, Z2, Z11, K2
	VMINPS    Z0, Z10, Z0
	VMINPS    Z2, Z11, Z2
	VMINPS    Z1, Z12, Z1
	VMINPS    Z3, Z13, Z3
	VMOVDQA32 Z6, K1, Z4
	VMOVDQA32 Z9, K2, Z5
	VPADDD    Z7, Z6, Z6
	VPADDD    Z7, Z9, Z9
	ADDQ      $128, SI
	ADDQ      $128, DI
	SUBQ      $32, DX
	JGE       loop

rest:
	ADDQ $32, DX
	JZ   merge

tail:
	MOVQ    DX, BX
	CMPQ    BX, $16
	JLE     part
	MOVQ    $16, BX

part:
	PREFIX(BX, K3)
	VMOVUPS.Z (SI), K3, Z10
	VMOVUPS.Z (DI), K3, Z11
	VMOVAPS   Z15, Z12
	VADDPS    Z11, Z10, K3, Z12
	VMAXPS    Z0, Z12, Z13
	VCMPPS    $1, Z0, Z12, K1
	VMINPS    Z0, Z12, Z0
	VMINPS    Z1, Z13, Z1
	VMOVDQA32 Z6, K1, Z4
	VPADDD    Z8, Z6, Z6
	ADDQ      $64, SI
	ADDQ      $64, DI
	SUBQ      $16, DX
	JGT       tail

merge:
	VCMPPS    $1, Z0, Z2, K1
	VCMPPS    $0, Z0, Z2, K2
	VPCMPUD   $1, Z4, Z5, K2, K3
	KORW      K1, K3, K1
	VMOVDQA32 Z5, K1, Z4
	VMAXPS    Z0, Z2, Z10
	VMINPS    Z0, Z2, Z0
	VMINPS    Z1, Z3, Z1
	VMINPS    Z1, Z10, Z1
	VMOVAPS   Z0, Z11
	FOLD(HALVES, VMINPS, VMAXPS)
	FOLD(QUARTERS, VMINPS, VMAXPS)
	FOLD(EIGHTHS, VMINPS, VMAXPS)
	FOLD(SIXTEENTHS, VMINPS, VMAXPS)
	VCMPPS    $0, Z0, Z11, K1
	KMOVW     K1, AX
	MOVL      $-1, BX
	VPBROADCASTD BX, Z10
	LEAL      -1(AX), CX
	TESTL     CX, AX
	JNZ       tied
	VPCOMPRESSD Z4, K1, Z10
	JMP       done

tied:
	VMOVDQA32 Z4, K1, Z10
	HALVES(Z10, Z11)
	VPMINUD   Z10, Z11, Z10
	QUARTERS(Z10, Z11)
	VPMINUD   Z10, Z11, Z10
	EIGHTHS(Z10, Z11)
	VPMINUD   Z10, Z11, Z10
	SIXTEENTHS(Z10, Z11)
	VPMINUD   Z10, Z11, Z10

done:
	VMOVD X10, AX
	MOVQ  AX, at+32(FP)
	VMOVSS X0, m1+24(FP)
	VMOVSS X1, m2+28(FP)
	VZEROUPPER
	RET

// func bestTwo64AVX512(c *float32, v *float64, n int) (m1, m2 float64, at int)
TEXT ·bestTwo64AVX512(SB), NOSPLIT, $0-48
	MOVQ         c+0(FP), SI
	MOVQ         v+8(FP), DI
	MOVQ         n+16(FP), DX
	MOVQ         $0x7FF0000000000000, AX
	VPBROADCASTQ AX, Z0
	VMOVAPD      Z0, Z1
	VMOVAPD      Z0, Z2
	VMOVAPD      Z0, Z3
	VMOVAPD      Z0, Z15
	VPXORD       Z4, Z4, Z4
	VPXORD       Z5, Z5, Z5
	VPMOVZXDQ    lanes<>(SB), Z6
	MOVQ         $8, AX
	VPBROADCASTQ AX, Z8
	VPADDQ       Z8, Z8, Z7
	VPADDQ       Z8, Z6, Z9
	SUBQ         $16, DX
	JLT          rest

loop:
	VCVTPS2PD (SI), Z10
	VCVTPS2PD 32(SI), Z11
	VSUBPD    (DI), Z10, Z10
	VSUBPD    64(DI), Z11, Z11
	VMAXPD    Z0, Z10, Z12
	VMAXPD    Z2, Z11, Z13
	VCMPPD    $1, Z0, Z10, K1
	VCMPPD    $1, Z2, Z11, K2
	VMINPD    Z0, Z10, Z0
	VMINPD    Z2, Z11, Z2
	VMINPD    Z1, Z12, Z1
	VMINPD    Z3, Z13, Z3
	VMOVDQA64 Z6, K1, Z4
	VMOVDQA64 Z9, K2, Z5
	VPADDQ    Z7, Z6, Z6
	VPADDQ    Z7, Z9, Z9
	ADDQ      $64, SI
	ADDQ      $128, DI
	SUBQ      $16, DX
	JGE       loop

rest:
	ADDQ $16, DX
	JZ   merge

tail:
	MOVQ DX, BX
	CMPQ BX, $8
	JLE  part
	MOVQ $8, BX

part:
	PREFIX(BX, K3)
	VMOVUPS.Z (SI), K3, Z10
	VMOVUPD.Z (DI), K3, Z11
	VCVTPS2PD Y10, Z10
	VMOVAPD   Z15, Z12
	VSUBPD    Z11, Z10, K3, Z12
	VMAXPD    Z0, Z12, Z13
	VCMPPD    $1, Z0, Z12, K1
	VMINPD    Z0, Z12, Z0
	VMINPD    Z1, Z13, Z1
	VMOVDQA64 Z6, K1, Z4
	VPADDQ    Z8, Z6, Z6
	ADDQ      $32, SI
	ADDQ      $64, DI
	SUBQ      $8, DX
	JGT       tail

merge:
	VCMPPD    $1, Z0, Z2, K1
	VCMPPD    $0, Z0, Z2, K2
	VPCMPUQ   $1, Z4, Z5, K2, K3
	KORW      K1, K3, K1
	VMOVDQA64 Z5, K1, Z4
	VMAXPD    Z0, Z2, Z10
	VMINPD    Z0, Z2, Z0
	VMINPD    Z1, Z3, Z1
	VMINPD    Z1, Z10, Z1
	VMOVAPD   Z0, Z11
	FOLD(HALVES, VMINPD, VMAXPD)
	FOLD(QUARTERS, VMINPD, VMAXPD)
	FOLD(EIGHTHS, VMINPD, VMAXPD)
	VCMPPD    $0, Z0, Z11, K1
	KMOVW     K1, AX
	MOVQ      $-1, BX
	VPBROADCASTQ BX, Z10
	LEAL      -1(AX), CX
	TESTL     CX, AX
	JNZ       tied
	VPCOMPRESSQ Z4, K1, Z10
	JMP       done

tied:
	VMOVDQA64 Z4, K1, Z10
	HALVES(Z10, Z11)
	VPMINUQ   Z10, Z11, Z10
	QUARTERS(Z10, Z11)
	VPMINUQ   Z10, Z11, Z10
	EIGHTHS(Z10, Z11)
	VPMINUQ   Z10, Z11, Z10

done:
	VMOVQ X10, AX
	MOVQ  AX, at+40(FP)
	VMOVSD X0, m1+24(FP)
	VMOVSD X1, m2+32(FP)
	VZEROUPPER
	RET

// func relax64AVX512(c *float32, v, key *float64, pred *int64, n int, h float64, row int64) (least float64, at int)
TEXT ·relax64AVX512(SB), NOSPLIT, $0-72
	MOVQ         c+0(FP), SI
	MOVQ         v+8(FP), DI
	MOVQ         key+16(FP), R8
	MOVQ         pred+24(FP), R9
	MOVQ         n+32(FP), DX
	VBROADCASTSD h+40(FP), Z7
	VPBROADCASTQ row+48(FP), Z5
	MOVQ         $0x7FF0000000000000, AX
	VPBROADCASTQ AX, Z0
	VMOVAPD      Z0, Z15
	VPXORD       Z4, Z4, Z4
	VPMOVZXDQ    lanes<>(SB), Z6
	MOVQ         $8, AX
	VPBROADCASTQ AX, Z8
	SUBQ         $8, DX
	JLT          rest

loop:
	VCVTPS2PD (SI), Z10
	VMOVUPD   (R8), Z11
	VSUBPD    (DI), Z10, Z10
	VSUBPD    Z7, Z10, Z10
	VCMPPD    $1, Z11, Z10, K1
	VMINPD    Z11, Z10, Z11
	VMOVUPD   Z11, (R8)
	VMOVDQU64 Z5, K1, (R9)
	VCMPPD    $1, Z0, Z11, K2
	VMINPD    Z0, Z11, Z0
	VMOVDQA64 Z6, K2, Z4
	VPADDQ    Z8, Z6, Z6
	ADDQ      $32, SI
	ADDQ      $64, DI
	ADDQ      $64, R8
	ADDQ      $64, R9
	SUBQ      $8, DX
	JGE       loop

rest:
	ADDQ $8, DX
	JZ   merge
	PREFIX(DX, K3)
	VMOVUPS.Z (SI), K3, Z10
	VMOVUPD.Z (DI), K3, Z12
	VMOVAPD   Z15, Z11
	VMOVUPD   (R8), K3, Z11
	VCVTPS2PD Y10, Z10
	VSUBPD    Z12, Z10, Z10
	VSUBPD    Z7, Z10, Z10
	VCMPPD    $1, Z11, Z10, K3, K1
	VMINPD    Z11, Z10, K3, Z11
	VMOVUPD   Z11, K3, (R8)
	VMOVDQU64 Z5, K1, (R9)
	VCMPPD    $1, Z0, Z11, K2
	VMINPD    Z0, Z11, Z0
	VMOVDQA64 Z6, K2, Z4

merge:
	VMOVAPD Z0, Z11
	HALVES(Z0, Z12)
	VMINPD  Z0, Z12, Z0
	QUARTERS(Z0, Z12)
	VMINPD  Z0, Z12, Z0
	EIGHTHS(Z0, Z12)
	VMINPD  Z0, Z12, Z0
	VCMPPD  $0, Z0, Z11, K1
	MOVQ    $-1, BX
	VPBROADCASTQ BX, Z10
	VMOVDQA64 Z4, K1, Z10
	HALVES(Z10, Z11)
	VPMINUQ Z10, Z11, Z10
	QUARTERS(Z10, Z11)
	VPMINUQ Z10, Z11, Z10
	EIGHTHS(Z10, Z11)
	VPMINUQ Z10, Z11, Z10
	VMOVQ   X10, AX
	MOVQ    AX, at+64(FP)
	VMOVSD  X0, least+56(FP)
	VZEROUPPER
	RET

// func rangeAVX512(c *float32, n int) (lo, hi, nan float32)
TEXT ·rangeAVX512(SB), NOSPLIT, $0-28
	MOVQ         c+0(FP), SI
	MOVQ         n+8(FP), DX
	VBROADCASTSS (SI), Z0
	VMOVAPS      Z0, Z1
	VMOVAPS      Z0, Z3
	VPXORD       Z2, Z2, Z2
	SUBQ         $16, DX
	JLT          rest

loop:
	VMOVUPS (SI), Z10
	VMINPS  Z0, Z10, Z0
	VMAXPS  Z1, Z10, Z1
	VSUBPS  Z10, Z10, Z11
	VADDPS  Z11, Z2, Z2
	ADDQ    $64, SI
	SUBQ    $16, DX
	JGE     loop

rest:
	ADDQ $16, DX
	JZ   merge
	PREFIX(DX, K3)
	VMOVAPS Z3, Z10
	VMOVUPS (SI), K3, Z10
	VMINPS  Z0, Z10, Z0
	VMAXPS  Z1, Z10, Z1
	VSUBPS  Z10, Z10, Z11
	VADDPS  Z11, Z2, Z2

#define FOLD3(SHUF) \
	SHUF(Z0, Z10)       \
	SHUF(Z1, Z11)       \
	SHUF(Z2, Z12)       \
	VMINPS Z0, Z10, Z0  \
	VMAXPS Z1, Z11, Z1  \
	VADDPS Z2, Z12, Z2

merge:
	FOLD3(HALVES)
	FOLD3(QUARTERS)
	FOLD3(EIGHTHS)
	FOLD3(SIXTEENTHS)
	VMOVSS X0, lo+16(FP)
	VMOVSS X1, hi+20(FP)
	VMOVSS X2, nan+24(FP)
	VZEROUPPER
	RET

// func distRowAVX512(dst, yt, x *float32, n, d, stride, root int)
TEXT ·distRowAVX512(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DI
	MOVQ yt+8(FP), SI
	MOVQ x+16(FP), R8
	MOVQ n+24(FP), DX
	MOVQ d+32(FP), R9
	MOVQ stride+40(FP), R10
	MOVQ root+48(FP), R11
	SHLQ $2, R10
	SUBQ $64, DX
	JLT  rest

loop:
	VPXORD Z0, Z0, Z0
	VPXORD Z1, Z1, Z1
	VPXORD Z2, Z2, Z2
	VPXORD Z3, Z3, Z3
	MOVQ   SI, BX
	MOVQ   R8, R12
	MOVQ   R9, CX

dims:
	VBROADCASTSS (R12), Z8
	VMOVUPS (BX), Z4
	VMOVUPS 64(BX), Z5
	VMOVUPS 128(BX), Z6
	VMOVUPS 192(BX), Z7
	VSUBPS  Z8, Z4, Z4
	VSUBPS  Z8, Z5, Z5
	VSUBPS  Z8, Z6, Z6
	VSUBPS  Z8, Z7, Z7
	VMULPS  Z4, Z4, Z4
	VMULPS  Z5, Z5, Z5
	VMULPS  Z6, Z6, Z6
	VMULPS  Z7, Z7, Z7
	VADDPS  Z4, Z0, Z0
	VADDPS  Z5, Z1, Z1
	VADDPS  Z6, Z2, Z2
	VADDPS  Z7, Z3, Z3
	ADDQ    R10, BX
	ADDQ    $4, R12
	DECQ    CX
	JNZ     dims
	TESTQ   R11, R11
	JZ      store
	VSQRTPS Z0, Z0
	VSQRTPS Z1, Z1
	VSQRTPS Z2, Z2
	VSQRTPS Z3, Z3

store:
	VMOVUPS Z0, (DI)
	VMOVUPS Z1, 64(DI)
	VMOVUPS Z2, 128(DI)
	VMOVUPS Z3, 192(DI)
	ADDQ    $256, SI
	ADDQ    $256, DI
	SUBQ    $64, DX
	JGE     loop

rest:
	ADDQ $64, DX
	JZ   done

tail:
	MOVQ DX, BX
	CMPQ BX, $16
	JLE  part
	MOVQ $16, BX

part:
	PREFIX(BX, K3)
	VPXORD Z0, Z0, Z0
	MOVQ   SI, BX
	MOVQ   R8, R12
	MOVQ   R9, CX

dims1:
	VBROADCASTSS (R12), Z8
	VMOVUPS.Z (BX), K3, Z4
	VSUBPS  Z8, Z4, Z4
	VMULPS  Z4, Z4, Z4
	VADDPS  Z4, Z0, Z0
	ADDQ    R10, BX
	ADDQ    $4, R12
	DECQ    CX
	JNZ     dims1
	TESTQ   R11, R11
	JZ      store1
	VSQRTPS Z0, Z0

store1:
	VMOVUPS Z0, K3, (DI)
	ADDQ    $64, SI
	ADDQ    $64, DI
	SUBQ    $16, DX
	JGT     tail

done:
	VZEROUPPER
	RET

// AVX2: n is a multiple of 8 and not 0.

#define PAIRS(A, B) VPERM2F128 $0x01, A, A, B

#define FOLDY(SHUF, MIN, MAX) \
	SHUF(Y0, Y12)     \
	SHUF(Y1, Y13)     \
	MAX  Y0, Y12, Y14 \
	MIN  Y0, Y12, Y0  \
	MIN  Y1, Y13, Y1  \
	MIN  Y1, Y14, Y1

// func bestTwo32AVX2(c, p *float32, n int) (m1, m2 float32, at int)
TEXT ·bestTwo32AVX2(SB), NOSPLIT, $0-40
	MOVQ         c+0(FP), SI
	MOVQ         p+8(FP), DI
	MOVQ         n+16(FP), DX
	MOVL         $0x7F800000, AX
	VMOVD        AX, X0
	VPBROADCASTD X0, Y0
	VMOVAPS      Y0, Y1
	VPXOR        Y4, Y4, Y4
	VMOVDQU      lanes<>(SB), Y6
	MOVL         $8, AX
	VMOVD        AX, X8
	VPBROADCASTD X8, Y8

loop:
	VMOVUPS   (SI), Y10
	VADDPS    (DI), Y10, Y10
	VMAXPS    Y0, Y10, Y12
	VCMPPS    $1, Y0, Y10, Y11
	VMINPS    Y0, Y10, Y0
	VMINPS    Y1, Y12, Y1
	VBLENDVPS Y11, Y6, Y4, Y4
	VPADDD    Y8, Y6, Y6
	ADDQ      $32, SI
	ADDQ      $32, DI
	SUBQ      $8, DX
	JNZ       loop

	VMOVAPS  Y0, Y11
	FOLDY(PAIRS, VMINPS, VMAXPS)
	FOLDY(EIGHTHS, VMINPS, VMAXPS)
	FOLDY(SIXTEENTHS, VMINPS, VMAXPS)
	VCMPPS   $0, Y0, Y11, Y11
	VPCMPEQD Y10, Y10, Y10
	VBLENDVPS Y11, Y4, Y10, Y10
	PAIRS(Y10, Y11)
	VPMINUD  Y10, Y11, Y10
	EIGHTHS(Y10, Y11)
	VPMINUD  Y10, Y11, Y10
	SIXTEENTHS(Y10, Y11)
	VPMINUD  Y10, Y11, Y10
	VMOVD    X10, AX
	MOVQ     AX, at+32(FP)
	VMOVSS   X0, m1+24(FP)
	VMOVSS   X1, m2+28(FP)
	VZEROUPPER
	RET

// func bestTwo64AVX2(c *float32, v *float64, n int) (m1, m2 float64, at int)
//
// Indices are kept as float64 numbers, which AVX2 can compare and reduce.
TEXT ·bestTwo64AVX2(SB), NOSPLIT, $0-48
	MOVQ         c+0(FP), SI
	MOVQ         v+8(FP), DI
	MOVQ         n+16(FP), DX
	MOVQ         $0x7FF0000000000000, AX
	VMOVQ        AX, X0
	VPBROADCASTQ X0, Y0
	VMOVAPD      Y0, Y1
	VMOVAPD      Y0, Y15
	VPXOR        Y4, Y4, Y4
	VCVTDQ2PD    lanes<>(SB), Y6
	MOVQ         $0x4010000000000000, AX // 4.0
	VMOVQ        AX, X8
	VPBROADCASTQ X8, Y8

loop:
	VCVTPS2PD (SI), Y10
	VSUBPD    (DI), Y10, Y10
	VMAXPD    Y0, Y10, Y12
	VCMPPD    $1, Y0, Y10, Y11
	VMINPD    Y0, Y10, Y0
	VMINPD    Y1, Y12, Y1
	VBLENDVPD Y11, Y6, Y4, Y4
	VADDPD    Y8, Y6, Y6
	ADDQ      $16, SI
	ADDQ      $32, DI
	SUBQ      $4, DX
	JNZ       loop

	VMOVAPD Y0, Y11
	FOLDY(PAIRS, VMINPD, VMAXPD)
	FOLDY(EIGHTHS, VMINPD, VMAXPD)
	VCMPPD  $0, Y0, Y11, Y11
	VBLENDVPD Y11, Y4, Y15, Y10
	PAIRS(Y10, Y11)
	VMINPD  Y10, Y11, Y10
	EIGHTHS(Y10, Y11)
	VMINPD  Y10, Y11, Y10
	VCVTTSD2SIQ X10, AX
	MOVQ    AX, at+40(FP)
	VMOVSD  X0, m1+24(FP)
	VMOVSD  X1, m2+32(FP)
	VZEROUPPER
	RET

// func relax64AVX2(c *float32, v, key *float64, pred *int64, n int, h float64, row int64) (least float64, at int)
TEXT ·relax64AVX2(SB), NOSPLIT, $0-72
	MOVQ         c+0(FP), SI
	MOVQ         v+8(FP), DI
	MOVQ         key+16(FP), R8
	MOVQ         pred+24(FP), R9
	MOVQ         n+32(FP), DX
	VBROADCASTSD h+40(FP), Y7
	VBROADCASTSD row+48(FP), Y5
	MOVQ         $0x7FF0000000000000, AX
	VMOVQ        AX, X0
	VPBROADCASTQ X0, Y0
	VMOVAPD      Y0, Y15
	VPXOR        Y4, Y4, Y4
	VCVTDQ2PD    lanes<>(SB), Y6
	MOVQ         $0x4010000000000000, AX // 4.0
	VMOVQ        AX, X8
	VPBROADCASTQ X8, Y8

loop:
	VCVTPS2PD (SI), Y10
	VMOVUPD   (R8), Y11
	VSUBPD    (DI), Y10, Y10
	VSUBPD    Y7, Y10, Y10
	VCMPPD    $1, Y11, Y10, Y12
	VMINPD    Y11, Y10, Y11
	VMOVUPD   Y11, (R8)
	VPMASKMOVQ Y5, Y12, (R9)
	VCMPPD    $1, Y0, Y11, Y13
	VMINPD    Y0, Y11, Y0
	VBLENDVPD Y13, Y6, Y4, Y4
	VADDPD    Y8, Y6, Y6
	ADDQ      $16, SI
	ADDQ      $32, DI
	ADDQ      $32, R8
	ADDQ      $32, R9
	SUBQ      $4, DX
	JNZ       loop

	VMOVAPD Y0, Y11
	PAIRS(Y0, Y12)
	VMINPD  Y0, Y12, Y0
	EIGHTHS(Y0, Y12)
	VMINPD  Y0, Y12, Y0
	VCMPPD  $0, Y0, Y11, Y11
	VBLENDVPD Y11, Y4, Y15, Y10
	PAIRS(Y10, Y11)
	VMINPD  Y10, Y11, Y10
	EIGHTHS(Y10, Y11)
	VMINPD  Y10, Y11, Y10
	VCVTTSD2SIQ X10, AX
	MOVQ    AX, at+64(FP)
	VMOVSD  X0, least+56(FP)
	VZEROUPPER
	RET

// func rangeAVX2(c *float32, n int) (lo, hi, nan float32)
TEXT ·rangeAVX2(SB), NOSPLIT, $0-28
	MOVQ         c+0(FP), SI
	MOVQ         n+8(FP), DX
	VBROADCASTSS (SI), Y0
	VMOVAPS      Y0, Y1
	VPXOR        Y2, Y2, Y2

loop:
	VMOVUPS (SI), Y10
	VMINPS  Y0, Y10, Y0
	VMAXPS  Y1, Y10, Y1
	VSUBPS  Y10, Y10, Y11
	VADDPS  Y11, Y2, Y2
	ADDQ    $32, SI
	SUBQ    $8, DX
	JNZ     loop

#define FOLD3Y(SHUF) \
	SHUF(Y0, Y10)       \
	SHUF(Y1, Y11)       \
	SHUF(Y2, Y12)       \
	VMINPS Y0, Y10, Y0  \
	VMAXPS Y1, Y11, Y1  \
	VADDPS Y2, Y12, Y2

	FOLD3Y(PAIRS)
	FOLD3Y(EIGHTHS)
	FOLD3Y(SIXTEENTHS)
	VMOVSS X0, lo+16(FP)
	VMOVSS X1, hi+20(FP)
	VMOVSS X2, nan+24(FP)
	VZEROUPPER
	RET

// func distRowAVX2(dst, yt, x *float32, n, d, stride, root int)
TEXT ·distRowAVX2(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DI
	MOVQ yt+8(FP), SI
	MOVQ x+16(FP), R8
	MOVQ n+24(FP), DX
	MOVQ d+32(FP), R9
	MOVQ stride+40(FP), R10
	MOVQ root+48(FP), R11
	SHLQ $2, R10

loop:
	VXORPS Y0, Y0, Y0
	MOVQ   SI, BX
	MOVQ   R8, R12
	MOVQ   R9, CX

dims:
	VBROADCASTSS (R12), Y8
	VMOVUPS (BX), Y4
	VSUBPS  Y8, Y4, Y4
	VMULPS  Y4, Y4, Y4
	VADDPS  Y4, Y0, Y0
	ADDQ    R10, BX
	ADDQ    $4, R12
	DECQ    CX
	JNZ     dims
	TESTQ   R11, R11
	JZ      store
	VSQRTPS Y0, Y0

store:
	VMOVUPS Y0, (DI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	SUBQ    $8, DX
	JNZ     loop
	VZEROUPPER
	RET
