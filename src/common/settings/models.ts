/** Models: finds the bundle that a reference names. */

export interface Models {
  /**
   * `nanodet-coco`, the newest version that is here; `nanodet-coco@1.2.0`; or a directory, absolute or, with a slash in
   * it, relative to the product's own.
   */
  resolve(reference: string): Resolved;
}

export type Resolved =
  | {
      readonly t: "found";
      readonly path: string;
      readonly name: string;
      /** Empty: a bundle that ships with the product, or a directory without a manifest. */
      readonly version: string;
    }
  | { readonly t: "absent"; readonly detail: string };
