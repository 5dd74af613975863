// What of lit-html this page uses, in the types that `tsc --checkJs` needs; no browser loads this file.
export declare const nothing: unique symbol;
export declare function html(strings: TemplateStringsArray, ...values: unknown[]): unknown;
export declare function render(value: unknown, container: HTMLElement): unknown;
export declare function guard(watched: unknown[], make: () => unknown): unknown;
export declare function keyed(key: unknown, value: unknown): unknown;
export declare function live(value: unknown): unknown;
export declare function ref(told: (element: Element | undefined) => void): unknown;
export declare function repeat<T>(items: Iterable<T>, key: (item: T) => unknown, view: (item: T) => unknown): unknown;
