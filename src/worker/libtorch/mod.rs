//! The functions of libtorch that tch does not offer: fused and differentiated convolutions, and its threads.
//!
//! `shim.cpp` has their C form. Nothing here records a graph. Tensors are float32 or bfloat16; [N, C, h, w], best
//! stored channels last.

use std::{
    ffi::{CStr, c_char, c_void},
    sync::LazyLock,
};

use anyhow::{Result, bail};
use tch::{Device, Kind, Tensor};
use torch_sys::C_tensor;

unsafe extern "C" {
    fn pcamflow_free(text: *mut c_char);
    fn pcamflow_convolution(
        input: *const C_tensor,
        weight: *const C_tensor,
        bias: *const C_tensor,
        stride: i64,
        padding: i64,
        relu: bool,
        out: *mut *mut C_tensor,
    ) -> *mut c_char;
    fn pcamflow_convolution_backward(
        gradient: *const C_tensor,
        input: *const C_tensor,
        weight: *const C_tensor,
        stride: i64,
        padding: i64,
        by_input: bool,
        by_weight: bool,
        out: *mut *mut C_tensor,
    ) -> *mut c_char;
    fn pcamflow_in_parallel(count: i64, work: extern "C" fn(*mut c_void, i64), context: *mut c_void);
}

/// Stride and padding of a square convolution, the same on both axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) stride: i64,
    pub(crate) padding: i64,
}

/// A convolution on a CPU by oneDNN, which applies the ReLU before it writes.
///
/// # Errors
/// This libtorch has no oneDNN, or the shapes do not fit.
pub(crate) fn convolution(
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    step: Step,
    relu: bool,
) -> Result<Tensor> {
    let mut out = [std::ptr::null_mut()];
    let [input, weight, bias] = [input, weight, bias].map(Tensor::as_ptr);
    // SAFETY: the pointers are to live tensors, and `out` has room for one.
    let error = unsafe {
        let Step { stride, padding } = step;
        pcamflow_convolution(input, weight, bias, stride, padding, relu, out.as_mut_ptr())
    };
    checked(error)?;
    Ok(owned(out[0]))
}

/// Whether this libtorch has oneDNN's convolutions. (They are in PyTorch's builds for x86-64 and ARM.)
pub(crate) fn has_onednn() -> bool {
    static HAS: LazyLock<bool> = LazyLock::new(|| {
        let map = || Tensor::zeros([1, 1, 1, 1], (Kind::Float, Device::Cpu));
        let bias = Tensor::zeros([1], (Kind::Float, Device::Cpu));
        convolution(&map(), &map(), &bias, Step { stride: 1, padding: 0 }, true).is_ok()
    });
    *HAS
}

/// The gradient by the input of a convolution, given that by its output. Of `input` only the shape counts.
///
/// # Errors
/// The shapes do not fit.
pub(crate) fn input_gradient(
    gradient: &Tensor,
    input: &Tensor,
    weight: &Tensor,
    step: Step,
) -> Result<Tensor> {
    let [by_input, _] = backward(gradient, input, weight, step, [true, false])?;
    Ok(owned(by_input))
}

/// The gradient by the weight of a convolution, given that by its output.
///
/// # Errors
/// The shapes do not fit.
pub(crate) fn weight_gradient(
    gradient: &Tensor,
    input: &Tensor,
    weight: &Tensor,
    step: Step,
) -> Result<Tensor> {
    if breaks_onednn(weight, step) {
        return Ok(of_points(gradient, input, step.stride));
    }
    let [_, by_weight] = backward(gradient, input, weight, step, [false, true])?;
    Ok(owned(by_weight))
}

/// Whether oneDNN would write past its buffer: for few channels, 1x1 convolutions that leave out pixels (its issue
/// 6035). The gradient is then wrong, or never ends.
fn breaks_onednn(weight: &Tensor, Step { stride, padding }: Step) -> bool {
    // The channels that it has in one block; 8 without AVX-512.
    const BLOCK: i64 = 16;
    let is_float = (weight.kind(), weight.device()) == (Kind::Float, Device::Cpu);
    let is_strided = stride > 1 && padding == 0;
    is_float && is_strided && matches!(weight.size()[..], [_, channels, 1, 1] if channels < BLOCK)
}

/// The gradient by the weight of a 1x1 convolution: a product of matrices with a row for each pixel that it reads.
fn of_points(gradient: &Tensor, input: &Tensor, stride: i64) -> Tensor {
    let rows = |map: &Tensor| map.permute([0, 2, 3, 1]).reshape([-1, map.size()[1]]);
    let read = input.slice(2, None, None, stride).slice(3, None, None, stride);
    let product = rows(gradient).tr().matmul(&rows(&read));
    product.unsqueeze(-1).unsqueeze(-1)
}

fn backward(
    gradient: &Tensor,
    input: &Tensor,
    weight: &Tensor,
    Step { stride, padding }: Step,
    [by_input, by_weight]: [bool; 2],
) -> Result<[*mut C_tensor; 2]> {
    let mut out = [std::ptr::null_mut(); 2];
    let [gradient, input, weight] = [gradient, input, weight].map(Tensor::as_ptr);
    // SAFETY: the pointers are to live tensors, and `out` has room for two.
    let error = unsafe {
        let out = out.as_mut_ptr();
        pcamflow_convolution_backward(gradient, input, weight, stride, padding, by_input, by_weight, out)
    };
    checked(error)?;
    Ok(out)
}

/// Calls `work` for each index below `count`, on the threads that libtorch may use here: others would compete
/// with those, which wait actively for a while after each operation.
pub(crate) fn in_parallel<F: Fn(usize) + Sync>(count: usize, work: F) {
    extern "C" fn call<F: Fn(usize) + Sync>(context: *mut c_void, index: i64) {
        // SAFETY: `context` is the `work` below, which outlives the call.
        let work = unsafe { &*context.cast::<F>() };
        work(index as usize);
    }
    // SAFETY: the call returns after the last call of `work`, which any thread may make.
    unsafe { pcamflow_in_parallel(count as i64, call::<F>, (&raw const work).cast_mut().cast()) }
}

/// Takes over a tensor that the shim has made.
fn owned(tensor: *mut C_tensor) -> Tensor {
    // SAFETY: after a call without an error, it points to a new tensor, and this is its only owner.
    unsafe { Tensor::from_ptr(tensor) }
}

fn checked(error: *mut c_char) -> Result<()> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: it is a text that the shim has made for us; it is released here, once.
    let text = unsafe {
        let text = CStr::from_ptr(error).to_string_lossy().into_owned();
        pcamflow_free(error);
        text
    };
    bail!("libtorch: {}", text.lines().next().unwrap_or_default())
}
