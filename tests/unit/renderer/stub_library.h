// A stand-in for the system's libvirglrenderer.so.1 that a test can look into: dlsym "stub".
#pragma once

#include "renderer/abi/virglrenderer.h"

namespace viaduct::test {

struct Stub {
    int init_fails_with_any_of = 0;  // init refuses if one of these flags is set
    int inits = 0;
    int cleanups = 0;
    int last_flags = 0;
    void* cookie = nullptr;
    virgl_renderer_callbacks* table = nullptr;
    int last_export_fence = 0;  // calls
};

}  // namespace viaduct::test
