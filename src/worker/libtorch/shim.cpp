// The functions of libtorch that tch does not offer, as plain C functions for `mod.rs`.
//
// Knows libtorch's C++ interface; does not know networks. A function returns null, or the text of an error that
// `pcamflow_free` releases. Tensors are those of tch: pointers to `at::Tensor`.

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/convolution_backward.h>

#include <cstdlib>
#include <cstring>

namespace {

template <class F>
char *caught(F compute) {
  try {
    at::AutoDispatchBelowAutograd no_graph;
    compute();
    return nullptr;
  } catch (const std::exception &error) {
    return strdup(error.what());
  } catch (...) {
    return strdup("libtorch threw something that is not an exception");
  }
}

// oneDNN's convolution that applies a ReLU before it writes. Inductor uses it; it has no C++ header.
using Fused = at::Tensor(const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &, c10::IntArrayRef,
                         c10::IntArrayRef, c10::IntArrayRef, int64_t, c10::string_view,
                         c10::List<std::optional<at::Scalar>>, std::optional<c10::string_view>);

const c10::TypedOperatorHandle<Fused> &fused() {
  static const auto found =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_convolution_pointwise", "").typed<Fused>();
  return found;
}

}  // namespace

extern "C" {

void pcamflow_free(char *text) { std::free(text); }

char *pcamflow_convolution(const at::Tensor *input, const at::Tensor *weight, const at::Tensor *bias, int64_t stride,
                           int64_t padding, bool relu, at::Tensor **out) {
  return caught([&] {
    *out = new at::Tensor(fused().call(*input, *weight, *bias, {padding, padding}, {stride, stride}, {1, 1}, 1,
                                       relu ? "relu" : "none",
                                       c10::List<std::optional<at::Scalar>>(), ""));
  });
}

// Gradients by the input (`out[0]`) and the weight (`out[1]`) of a convolution; what is not asked for stays null.
char *pcamflow_convolution_backward(const at::Tensor *gradient, const at::Tensor *input, const at::Tensor *weight,
                                    int64_t stride, int64_t padding, bool by_input, bool by_weight,
                                    at::Tensor **out) {
  return caught([&] {
    const auto [dx, dw, db] = at::convolution_backward(*gradient, *input, *weight, std::nullopt, {stride, stride},
                                                       {padding, padding}, {1, 1}, false, {0, 0}, 1,
                                                       {by_input, by_weight, false});
    if (by_input) out[0] = new at::Tensor(dx);
    if (by_weight) out[1] = new at::Tensor(dw);
  });
}

// Calls `work(context, index)` for each index below `count`, on libtorch's own threads. (A template that needs OpenMP:
// without it, it is a loop.)
void pcamflow_in_parallel(int64_t count, void (*work)(void *, int64_t), void *context) {
  at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) work(context, index);
  });
}
}
